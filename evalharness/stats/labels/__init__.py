"""Combine a judge's judgments with people's labels by prediction-powered inference."""
