"""What a battle's answers look like: how much of each feature of style stands in them.

The features are Chatbot Arena's (Li et al. 2024, "Does style matter?"): length, headers, lists and
bold of Markdown. Characters stand for tokens, which would depend on a tokenizer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.estimates.length_controlled_rates import match_both_answers
from evalharness.analysis.estimates.ratings import SMALL_PRIOR_PENALTY
from evalharness.errors import BattlesError
from evalharness.stats import (
    build_comparisons_from_battles,
    find_one_sided_groups,
    style_controlled_ratings,
    style_feature_difference,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.analysis.estimates.length_controlled_rates import ReplyKey
    from evalharness.domain import Battle, RunRecords
    from evalharness.stats import FittedRatings

STYLE_FEATURES = ("length", "headers", "lists", "bold")
_CODE_BLOCK = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_MARKDOWN_PATTERNS = (
    re.compile(r"^#{1,6}\s", re.MULTILINE),
    re.compile(r"^\s*(?:\d+\.|[-*+])\s", re.MULTILINE),
    re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__"),
)

StyleCounts = dict["ReplyKey", tuple[int, ...]]


def count_style_features(records: RunRecords) -> StyleCounts:
    """Return the counts of the features of what was shown; code counts for its length only."""
    styles: StyleCounts = {}
    for answer in records.answers:
        total = np.zeros(len(STYLE_FEATURES), dtype=np.int64)
        for turn, reply in enumerate(answer.turns, start=1):
            words = _CODE_BLOCK.sub("", reply.text)
            total += [len(reply.text), *(len(mark.findall(words)) for mark in _MARKDOWN_PATTERNS)]
            styles[answer.model, answer.question_id, answer.sample, turn] = tuple(total.tolist())
    return styles


def fit_at_equal_style(
    battles: Sequence[Battle], styles: Mapping[ReplyKey, Sequence[int]]
) -> FittedRatings:
    """Return Bradley-Terry ratings at equal style, from the battles whose answers are known.

    Raises:
        BattlesError: no answers are known, or none has anything but length.
        EvalHarnessError: the battles do not connect the models, or there is no finite fit.
    """
    known = match_both_answers(battles, styles)
    comparisons = build_comparisons_from_battles([battle for battle, _, _ in known])
    differences = {
        name: style_feature_difference(
            [a[place] for _, a, _ in known], [b[place] for _, _, b in known]
        )
        for place, name in enumerate(STYLE_FEATURES)
    }
    varied = {name: each for name, each in differences.items() if each.std() > 0}
    if not varied.keys() - {STYLE_FEATURES[0]}:
        msg = "no answers differ in headers, lists or bold"
        raise BattlesError(msg)
    return style_controlled_ratings(
        comparisons,
        varied,
        penalty=SMALL_PRIOR_PENALTY if find_one_sided_groups(comparisons) else 0.0,
    )
