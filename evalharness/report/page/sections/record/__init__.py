"""Sections about the run itself: summary, questions, failures, methods, provenance."""
