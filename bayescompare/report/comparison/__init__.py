"""A comparison's report: its sections as data."""
