"""Estimate means, differences and ranks with confidence intervals."""
