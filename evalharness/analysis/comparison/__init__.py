"""Compare two models of a run by one figure."""
