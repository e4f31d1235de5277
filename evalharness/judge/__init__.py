"""What a judge is shown, what its reply says, and who wins. Nothing here reads a file or calls a model."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
