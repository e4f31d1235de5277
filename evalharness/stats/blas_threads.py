"""Limit linear algebra to one thread for small matrices, which more threads slow down."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGE_MATRIX = 512
"""The number of rows from which several threads save time."""


@contextmanager
def limit_blas_threads(size: int) -> Iterator[None]:
    """Limit the linear algebra of matrices of this size to one thread, unless they are large."""
    if size >= _LARGE_MATRIX:
        yield
        return
    with _threadpools().limit(limits=1, user_api="blas"):
        yield


@cache
def _threadpools() -> ThreadpoolController:
    return ThreadpoolController()
