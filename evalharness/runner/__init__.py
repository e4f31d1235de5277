"""The work of a run: answers, judgments, benchmarks and audits, with what they cost and how they resume."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
