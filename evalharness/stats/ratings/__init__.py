"""Estimate intervals, adjustments and tables of ratings."""
