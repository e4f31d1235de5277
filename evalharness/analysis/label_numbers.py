"""Number labels, because statistics take arrays of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from evalharness.stats import IntArray


def number_labels(labels: Iterable[Hashable], known: Iterable[Hashable] = ()) -> IntArray:
    """Return each label as a number, in order of appearance.

    Args:
        labels: the labels, such as question ids.
        known: labels that come first, so that a label's number is its position there.
    """
    numbers: dict[Hashable, int] = {label: number for number, label in enumerate(known)}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=np.int64)
