"""What a battle's answers look like: how much of each feature of style stands in them.

The features are Chatbot Arena's (Li et al. 2024, "Does style matter?"): length, headers, lists and
bold of Markdown. Characters stand for tokens, which would depend on a tokenizer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError
from evalharness.leaderboard._lengths import of_both
from evalharness.leaderboard._standings import PENALTY
from evalharness.stats.comparisons import from_battles
from evalharness.stats.connectivity import one_sided
from evalharness.stats.style_control import style_controlled, style_difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import Battle, RunRecords
    from evalharness.leaderboard._lengths import Shown
    from evalharness.stats.ratings import Ratings

FEATURES = ("length", "headers", "lists", "bold")
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_MARKS = (
    re.compile(r"^#{1,6}\s", re.MULTILINE),
    re.compile(r"^\s*(?:\d+\.|[-*+])\s", re.MULTILINE),
    re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__"),
)

Styles = dict["Shown", tuple[int, ...]]


def styles_of(records: RunRecords) -> Styles:
    """Return the counts of the features of what was shown; code counts for its length only."""
    styles: Styles = {}
    for answer in records.answers:
        total = np.zeros(len(FEATURES), dtype=np.int64)
        for turn, reply in enumerate(answer.turns, start=1):
            words = _CODE.sub("", reply.text)
            total += [len(reply.text), *(len(mark.findall(words)) for mark in _MARKS)]
            styles[answer.model, answer.question_id, answer.sample, turn] = tuple(total.tolist())
    return styles


def at_equal_style(battles: Sequence[Battle], styles: Mapping[Shown, Sequence[int]]) -> Ratings:
    """Return Bradley-Terry ratings at equal style, from the battles whose answers are known.

    Raises:
        BattlesError: no answers are known, or none has anything but length.
        EvalHarnessError: the battles do not connect the models, or there is no finite fit.
    """
    known = of_both(battles, styles)
    comparisons = from_battles([battle for battle, _, _ in known])
    differences = {
        name: style_difference([a[place] for _, a, _ in known], [b[place] for _, _, b in known])
        for place, name in enumerate(FEATURES)
    }
    varied = {name: each for name, each in differences.items() if each.std() > 0}
    if not varied.keys() - {FEATURES[0]}:
        msg = "no answers differ in headers, lists or bold"
        raise BattlesError(msg)
    return style_controlled(comparisons, varied, penalty=PENALTY if one_sided(comparisons) else 0.0)
