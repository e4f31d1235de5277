"""Measure the style of answers, and fit ratings at equal style.

The features are those of Chatbot Arena (Li et al. 2024, "Does style matter?"): length, and the
headers, lists and bold text of Markdown. Length is in characters; tokens would depend on a
tokenizer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.estimates.length_controlled_rates import match_both_answers
from evalharness.analysis.estimates.ratings import choose_prior_penalty
from evalharness.errors import BattlesError
from evalharness.stats import (
    build_comparisons_from_battles,
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
    """Return the feature counts of the replies shown; code counts only as length."""
    styles: StyleCounts = {}
    for answer in records.answers:
        counts = np.zeros(len(STYLE_FEATURES), dtype=np.int64)
        for turn, reply in enumerate(answer.turns, start=1):
            prose = _CODE_BLOCK.sub("", reply.text)
            counts += [
                len(reply.text),
                *(len(pattern.findall(prose)) for pattern in _MARKDOWN_PATTERNS),
            ]
            styles[answer.model, answer.question_id, answer.sample, turn] = tuple(counts.tolist())
    return styles


def fit_at_equal_style(
    battles: Sequence[Battle], styles: Mapping[ReplyKey, Sequence[int]]
) -> FittedRatings:
    """Return Bradley-Terry ratings at equal style, from the battles with known answers.

    Raises:
        BattlesError: no answers are known, or they differ in nothing but length.
        EvalHarnessError: the battles do not connect the models, or there is no finite fit.
    """
    matched = match_both_answers(battles, styles)
    comparisons = build_comparisons_from_battles([battle for battle, _, _ in matched])
    differences = {
        name: style_feature_difference(
            [counts_a[index] for _, counts_a, _ in matched],
            [counts_b[index] for _, _, counts_b in matched],
        )
        for index, name in enumerate(STYLE_FEATURES)
    }
    varying = {name: each for name, each in differences.items() if each.std() > 0}
    if not varying.keys() - {STYLE_FEATURES[0]}:
        msg = "no answers differ in headers, lists or bold"
        raise BattlesError(msg)
    return style_controlled_ratings(
        comparisons,
        varying,
        penalty=choose_prior_penalty(comparisons),
    )
