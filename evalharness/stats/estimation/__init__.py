"""Fit ratings by maximum likelihood, with their covariance."""
