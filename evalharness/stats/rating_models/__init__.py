"""Define the rating models, one module each, with an object `RATING_MODEL` per module."""
