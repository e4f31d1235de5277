"""Rating models, one module each; each module has one `RATING_MODEL`."""
