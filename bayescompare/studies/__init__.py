"""Studies: MAP against full Bayes across thousands of fits."""
