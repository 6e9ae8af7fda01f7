#!/bin/sh
# The quick tests of all that knows PyMC, against the newest releases, whatever bounds pyproject.toml sets on them.
# The environment is thrown away. What fails is to be mended in bayescompare/model/pymc_internals.py or beside it; then
# the bounds move. Needs .venv (make install); arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."

newest="pymc arviz arviz-base arviz-stats nutpie jax"
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT

printf '%s\n' $newest >"$venv/overrides.txt"
.venv/bin/python -m uv venv --quiet --python .venv/bin/python "$venv/canary"
.venv/bin/python -m uv pip install --quiet --python "$venv/canary/bin/python" --override "$venv/overrides.txt" \
    --requirements pyproject.toml --extra numpyro --extra blackjax --group test
.venv/bin/python -m uv pip list --quiet --python "$venv/canary/bin/python" |
    grep -E '^(pymc|pytensor|arviz|arviz-base|arviz-stats|nutpie|jax|numba) '
PYTHONPATH=$PWD OMP_NUM_THREADS=1 "$venv/canary/bin/python" -m pytest -m "not slow" tests/model tests/methods "$@"
