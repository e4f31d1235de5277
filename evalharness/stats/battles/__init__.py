"""Represent battles as arrays and counts."""
