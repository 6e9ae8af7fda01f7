"""What a fit and a comparison are, on disk and as data."""
