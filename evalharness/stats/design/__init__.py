"""How many comparisons are needed, and which one comes next."""
