"""The gallery: what it adds to the report of a template, and its index."""
