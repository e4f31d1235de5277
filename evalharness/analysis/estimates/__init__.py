"""Estimate ratings, win rates, scores and ranks from the judgments of a run."""
