"""Sections that record what was run and found."""
