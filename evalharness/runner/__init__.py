"""Do the work of a run: request answers and judgments, run benchmarks, audit judges, count the cost."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
