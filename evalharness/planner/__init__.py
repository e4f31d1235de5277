"""Estimate the calls, cost, time and detectable differences of a run before any model is called."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
