"""Correct the figures of a judge by labels that people gave on a part of its work."""
