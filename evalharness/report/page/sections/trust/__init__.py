"""Sections about how far the judge can be trusted."""
