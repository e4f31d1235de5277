"""What a run would take, before any model is asked: calls, cost, time, and the differences it can detect."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
