"""Flags on a run's answers: copied, duplicated, or naming a model."""
