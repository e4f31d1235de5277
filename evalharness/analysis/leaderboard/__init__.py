"""The table of a run: one row for each model."""
