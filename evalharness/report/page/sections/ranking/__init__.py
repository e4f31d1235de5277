"""Sections about the ranking of the models."""
