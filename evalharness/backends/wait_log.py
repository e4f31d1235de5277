"""The log in which backends tell who waits for what."""

WAIT_LOG = "evalharness.waits"
"""The log in which backends tell who waits for what; it is for the moment, and for no file."""
