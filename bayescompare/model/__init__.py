"""All that knows PyMC: the density, its coordinates, predictions, the audit of a model."""
