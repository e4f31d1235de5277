"""Flag answers that were copied, that are duplicates, or that name a model."""
