"""Statistics of battles and grades: arrays in, frozen results out. Nothing here reads a file or a clock."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
