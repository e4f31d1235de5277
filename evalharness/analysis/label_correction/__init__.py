"""Figures of a run corrected with people's labels."""
