"""Rows of other tools' files: reading, checking, collecting and writing them."""
