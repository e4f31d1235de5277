"""Import and export runs as the files of other tools, or as bundles that others can verify."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
