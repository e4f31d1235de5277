"""Rating models of paired comparisons."""
