"""A study's report: its sections as data."""
