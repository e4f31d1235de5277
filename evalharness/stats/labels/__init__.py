"""Estimates that combine a judge's work with people's labels (prediction-powered inference)."""
