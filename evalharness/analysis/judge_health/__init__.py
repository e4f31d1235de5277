"""Measure whether a judge can be trusted: health cards and drift checks."""
