"""Compose overrides and YAML files with Hydra, and turn them into checked settings."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
