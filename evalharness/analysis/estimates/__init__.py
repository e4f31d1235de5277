"""Ratings, scores and win rates of a run's models."""
