"""Battles as arrays and counts."""
