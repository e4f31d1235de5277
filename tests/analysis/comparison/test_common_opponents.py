"""Win rates are compared against opponents that both models met under the same judge."""

from __future__ import annotations

import pytest
from builders import pairwise_judgment

from evalharness.analysis import ComparisonMetric, compare_models
from evalharness.domain import RunRecords, Verdict
from evalharness.errors import ConfigError
from evalharness.judge import collect_battles


def _games(model, judge, wins):
    """Return both games of battles of a model against `base`, one a question."""
    for number, won in enumerate(wins):
        for first, second in ((model, "base"), ("base", model)):
            verdict = Verdict.A if (first == model) == won else Verdict.B
            yield pairwise_judgment(first, second, str(number), verdict=verdict, judge=judge)


def _compare(*games):
    records = RunRecords(name="r", games=tuple(game for each in games for game in each))
    battles = collect_battles(records)
    return compare_models(records, battles, "one", "two", metric=ComparisonMetric.WIN_RATE)


def test_two_judges_of_one_opponent_are_no_common_ground():
    """A strict judge of one model and a lenient one of the other tell nothing about the models."""
    with pytest.raises(ConfigError, match="no common opponent under the same judge"):
        _compare(_games("one", "strict", [False] * 20), _games("two", "lenient", [True] * 20))


def test_a_panel_that_judged_both_models_compares_them():
    """Battles of both judges are one battle of the panel for each question."""
    wins, others = [True] * 15 + [False] * 5, [False] * 15 + [True] * 5
    found = _compare(
        *(
            _games(model, judge, won)
            for model, won in (("one", wins), ("two", others))
            for judge in ("strict", "lenient")
        )
    )

    assert found.difference.value == pytest.approx(0.5)
    assert "in 40 battles of either, against 1 opponent of both" in found.basis


def test_a_judge_of_one_model_alone_is_left_out():
    """The battles before the other judge have no counterpart."""
    shared = ([True] * 12 + [False] * 8, [False] * 12 + [True] * 8)
    found = _compare(
        _games("one", "strict", shared[0]),
        _games("two", "strict", shared[1]),
        _games("two", "lenient", [True] * 20),
    )

    assert found.difference.value == pytest.approx(0.2)
    assert "20 against others or before other judges are left out" in found.basis
