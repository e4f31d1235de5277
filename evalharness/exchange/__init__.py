"""Other tools' files into runs, and runs out as other tools' files or as sealed bundles."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
