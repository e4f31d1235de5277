"""Engines: where models that take memory run, on this machine or on a Ray cluster."""
