"""Choose the number of comparisons, and the next comparison."""
