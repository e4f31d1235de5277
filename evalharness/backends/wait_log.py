"""The name of the log in which backends report waits."""

WAIT_LOG = "evalharness.waits"
"""The log in which backends report waits: for live display, not for files."""
