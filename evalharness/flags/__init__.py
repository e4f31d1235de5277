"""Flags on a run's answers: what was copied, said twice, or names a model; for a reader to judge.

No flag changes a figure. What a corpus holds is looked for in `Seeker`; all else follows from the
run's records, in `find`.
"""

from evalharness.flags._corpus import Seeker
from evalharness.flags._finding import LENGTH, find
from evalharness.flags._records import Find, Flag, FlagKind, Flags, Overlap, Scan, Twins
from evalharness.flags._telling import cautions, corpus_of

__all__ = [
    "LENGTH",
    "Find",
    "Flag",
    "FlagKind",
    "Flags",
    "Overlap",
    "Scan",
    "Seeker",
    "Twins",
    "cautions",
    "corpus_of",
    "find",
]
