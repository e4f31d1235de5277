"""Means, differences and ranks with confidence intervals."""
