"""Measure the agreement of judges with each other, with people and with themselves."""
