"""Files of a run: read into records at the first line that sees them, appended as they come."""
