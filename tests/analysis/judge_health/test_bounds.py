"""A rate passes or fails by its whole interval; otherwise the questions are too few to tell."""

import pytest

from evalharness.analysis import (
    BoundSide,
    BoundStatus,
    HealthCard,
    JudgeHealth,
    format_health_card,
)
from evalharness.analysis.judge_health.bounds import compare_with_bound
from evalharness.analysis.judge_health.rates import JudgeRate, measure_share

FLOOR, CEILING = BoundSide.FLOOR, BoundSide.CEILING


def share(passed, failed):
    """Return a rate over questions of which each passes or fails."""
    flags = [True] * passed + [False] * failed
    return measure_share("probe_same", [(str(place), flag) for place, flag in enumerate(flags)])


@pytest.mark.parametrize(
    ("rate", "side", "bound", "status"),
    [
        (share(4, 0), FLOOR, 0.8, BoundStatus.TOO_FEW),
        (share(0, 2), FLOOR, 0.8, BoundStatus.TOO_FEW),
        (share(0, 4), FLOOR, 0.8, BoundStatus.MISSED),
        (share(64, 0), FLOOR, 0.9, BoundStatus.OK),
        (share(50, 30), FLOOR, 0.6, BoundStatus.TOO_FEW),
        (share(0, 16), CEILING, 0.05, BoundStatus.TOO_FEW),
        (share(0, 200), CEILING, 0.05, BoundStatus.OK),
        (share(40, 40), CEILING, 0.3, BoundStatus.MISSED),
        (share(1, 0), FLOOR, 0.8, BoundStatus.TOO_FEW),
        (share(8, 0), FLOOR, None, BoundStatus.UNBOUNDED),
        (JudgeRate(name="ties", note="nothing to count"), FLOOR, 0.8, BoundStatus.UNKNOWN),
    ],
)
def test_a_rate_is_compared_with_its_bound_by_its_interval(rate, side, bound, status):
    """A point beyond a bound proves nothing."""
    assert compare_with_bound(rate, "a rate", side, bound).status is status


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        (-0.9, -0.3, BoundStatus.MISSED),
        (0.3, 0.9, BoundStatus.MISSED),
        (-0.1, 0.15, BoundStatus.OK),
        (-0.3, 0.1, BoundStatus.TOO_FEW),
        (-0.4, 0.4, BoundStatus.TOO_FEW),
    ],
)
def test_a_ceiling_limits_an_effect_in_both_directions(low, high, status):
    """Position bias may favor the second place too."""
    effect = JudgeRate(
        name="place", value=(low + high) / 2, low=low, high=high, count=40, questions=20
    )
    measure = compare_with_bound(effect, "place", CEILING, 0.2)

    assert measure.status is status
    assert measure.detectable == pytest.approx((high - low) / 2 * (1 + 0.86095 / 2.09302), rel=1e-4)


def test_an_effect_beyond_the_scale_is_no_departure_to_find():
    """No effect exceeds 1."""
    effect = JudgeRate(name="length", value=0.5, low=0.1, high=0.9, count=8, questions=4)

    assert compare_with_bound(effect, "length", CEILING, 0.75).detectable is None


def test_the_card_says_the_result_and_what_so_many_questions_would_find():
    """64 questions find a rate of 78% against a floor of 90%; 2 find nothing."""
    measures = tuple(
        compare_with_bound(rate, "a tie", FLOOR, bound)
        for rate, bound in ((share(64, 0), 0.9), (share(0, 4), 0.8), (share(2, 0), 0.8))
    )
    _, passed, failed, few = format_health_card(
        HealthCard(judges=(JudgeHealth(judge="j", measures=measures),), judgments=0, probes=0)
    )

    assert passed.endswith("of 64; passed, at least 90%; would find 78% or less")
    assert failed.endswith("of 4; FAILED, at least 80%; would find 21% or less")
    assert few.endswith("of 2; too few to tell, at least 80%; would find no departure")
