"""Two models of a run compared."""
