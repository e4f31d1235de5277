"""Render judge prompts, read decisions from replies, and settle battles, without I/O or calls."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
