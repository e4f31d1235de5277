"""The models that can be asked: endpoints, local weights, vLLM, recorded answers, scripts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
