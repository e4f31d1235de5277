"""Plots of a run as plotly figures, for notebooks."""
