"""Rank the models by alternative analyses of the same judgments."""
