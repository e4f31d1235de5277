"""Bundles: a run as one archive that others can verify."""
