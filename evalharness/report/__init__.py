"""Present the results of runs: the HTML page, tables, files for continuous integration, data frames."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
