"""What fails today, and why: each is expected to fail, and its test says so when it no longer does."""

from __future__ import annotations

#: Animals whose density, or whose refusal, is not right yet.
DENSITY: dict[str, str] = {
    "transform_zero_sum_middle_of_three": "PyMC does not add the Jacobian of a middle axis to its own density",
}
