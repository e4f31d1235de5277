"""Local weights, run by transformers."""
