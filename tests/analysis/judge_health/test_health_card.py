"""The health card: measures against references, bounds, cautions, and the section of the page."""

from __future__ import annotations

import pytest
from builders import MODELS, a_run, pairwise_judgment

from evalharness.analysis import (
    BoundSide,
    BoundStatus,
    HealthCard,
    HealthMeasure,
    JudgeHealth,
    build_health_card,
    build_leaderboard,
    list_health_cautions,
)
from evalharness.domain import (
    JudgeSpec,
    JudgingSpec,
    ModelSpec,
    RunRecords,
    RunSpec,
    Verdict,
    Vote,
    Winner,
)
from evalharness.judge import settle_battles
from evalharness.report import render_page


def _spec(family=None, families=("ours", "theirs")) -> RunSpec:
    judge = ModelSpec(name="gpt-4", backend="scripted", family=family)
    return RunSpec(
        name="run",
        models=tuple(
            ModelSpec(name=name, backend="scripted", family=own)
            for name, own in zip(MODELS, families, strict=False)
        ),
        judges=(JudgeSpec(name="gpt-4", model=judge, prompts={}),),
        questions=(),
        judging=JudgingSpec(),
    )


def _games(winners, judge="gpt-4"):
    """Return both orders of one pair per question: the first model wins, loses or ties."""
    verdicts = {
        "win": (Verdict.A, Verdict.B),
        "loss": (Verdict.B, Verdict.A),
        "tie": (Verdict.TIE, Verdict.TIE),
    }
    a, b = sorted(MODELS[:2])
    return tuple(
        pairwise_judgment(*models, str(number), verdict=verdict, judge=judge)
        for number, winner in enumerate(winners)
        for models, verdict in zip(((a, b), (b, a)), verdicts[winner], strict=True)
    )


def _votes(winners, judge="human:1"):
    a, b = sorted(MODELS[:2])
    named = {"win": Winner.MODEL_A, "loss": Winner.MODEL_B, "tie": Winner.TIE}
    return tuple(
        Vote(
            question_id=str(number),
            judge=judge,
            model_a=a,
            model_b=b,
            winner=named[winner],
            digest=f"{judge}{number}",
        )
        for number, winner in enumerate(winners)
    )


def _measures(records, spec=None, thresholds=None):
    (judge,) = build_health_card(records, spec or _spec(), (), thresholds or {}).judges
    return {measure.name: measure for measure in judge.measures}


JUDGED = ("win", "win", "win", "loss", "loss", "tie", "win", "loss")
PEOPLE = ("win", "win", "loss", "loss", "loss", "win", "tie", "win")
# Equal: questions 0, 1, 3, 4, which is 4 of 8; both decided: all but 5 and 6, 4 of 6.


def test_agreement_with_people_is_that_of_the_same_battles():
    """Four of eight votes agree; of the six where neither ties, four do."""
    found = _measures(RunRecords(name="x", games=_games(JUDGED), votes=_votes(PEOPLE)))

    assert (found["human_agreement"].value, found["human_agreement"].count) == (0.5, 8)
    assert (found["human_decided"].value, found["human_decided"].count) == (4 / 6, 6)
    # Margins: judge 4 wins, 3 losses, 1 tie; people 4, 3, 1: chance (16 + 9 + 1) / 64.
    chance = 26 / 64
    assert found["human_kappa"].value == pytest.approx((0.5 - chance) / (1 - chance))
    assert found["human_agreement"].low < 0.5 < found["human_agreement"].high


def test_gold_labels_count_apart_from_people():
    """Accuracy against labels differs from agreement with people."""
    found = _measures(RunRecords(name="x", games=_games(JUDGED), votes=_votes(PEOPLE, "gold")))

    assert found["gold_agreement"].value == 0.5
    assert "human_agreement" not in found


def test_another_tools_judge_is_no_person():
    """Votes of a model say nothing about agreement with people."""
    found = _measures(RunRecords(name="x", games=_games(JUDGED), votes=_votes(PEOPLE, "gpt-3.5")))

    assert not [name for name in found if name.startswith(("human", "gold"))]


def test_self_preference_is_relative_to_peoples_votes():
    """The judge gives its kin 4.5 of 8 points and people 4.5: no preference; all 8: 3.5 / 8 each.

    What one side has more, the other has less, so that the difference is twice that.
    """
    own = min(MODELS[:2])
    families = tuple("ours" if name == own else "theirs" for name in MODELS[:2])
    spec = _spec("ours", families)
    fair = RunRecords(name="x", games=_games(JUDGED), votes=_votes(PEOPLE))
    kin = RunRecords(name="x", games=_games(["win"] * 8), votes=_votes(PEOPLE))

    assert _measures(fair, spec)["own_family"].value == pytest.approx(0)
    found = _measures(kin, spec, {"own_family": 0.1})["own_family"]
    assert found.value == pytest.approx(2 * 3.5 / 8)
    assert (found.status, found.note) == (BoundStatus.TOO_FEW, "beside people's votes")


def test_other_judges_are_the_reference_without_peoples_votes():
    """The note names the reference; a single judge has no rate."""
    families = tuple("ours" if name == min(MODELS[:2]) else "theirs" for name in MODELS[:2])
    spec = _spec("ours", families)
    both = RunRecords(name="x", games=(*_games(["win"] * 8), *_games(JUDGED, "claude")))
    alone = RunRecords(name="x", games=_games(["win"] * 8))

    assert _measures(both, spec)["own_family"].note == "beside the run's other judges"
    assert _measures(alone, spec)["own_family"].status is BoundStatus.UNKNOWN


def test_a_judge_of_no_candidates_family_has_no_such_rate():
    """There is nothing to prefer."""
    assert "own_family" not in _measures(RunRecords(name="x", games=_games(JUDGED)), _spec("other"))


def test_unscored_judgments_are_counted_and_are_no_verdicts():
    """Two of sixteen replies cannot be read; their pairs have no swapped game."""
    games = list(_games(JUDGED))
    for place in (0, 1):
        game = games[place]
        games[place] = pairwise_judgment(
            game.model_a, game.model_b, game.question_id, verdict=None, unscored="empty"
        )
    found = _measures(RunRecords(name="x", games=tuple(games)))

    assert (found["unscored"].value, found["unscored"].count) == (2 / 16, 16)
    assert (found["consistency"].value, found["consistency"].count) == (1.0, 7)
    assert (found["ties"].value, found["ties"].count) == (2 / 14, 14)


def test_length_preference_needs_the_answers():
    """Imported judgments without answers leave the rate unknown, not zero."""
    found = _measures(RunRecords(name="x", games=_games(JUDGED)))["length"]

    assert (found.value, found.status) == (None, BoundStatus.UNKNOWN)


def test_rates_of_a_run_are_compared_with_their_bounds():
    """Eight pairs prove that a bound of 1 for ties holds, and leave one of .1 open."""
    run = RunRecords(name="x", games=_games(JUDGED))
    loose, strict = (_measures(run, thresholds={"ties": bound})["ties"] for bound in (1.0, 0.1))

    assert (loose.status, strict.status) == (BoundStatus.OK, BoundStatus.TOO_FEW)
    assert _measures(run)["unscored"].status is BoundStatus.UNBOUNDED


def _card(*missed: str) -> HealthCard:
    def measure(name: str, status: BoundStatus) -> HealthMeasure:
        return HealthMeasure(
            name=name,
            title=f"the rate of {name}",
            value=0.25,
            low=0.1,
            high=0.5,
            count=32,
            questions=16,
            side=BoundSide.FLOOR,
            bound=0.8,
            status=status,
        )

    rates = (
        measure("fine", BoundStatus.OK),
        *(measure(name, BoundStatus.MISSED) for name in missed),
    )
    return HealthCard(
        judges=(JudgeHealth(judge="<gpt-4>", measures=rates),), judgments=40, probes=9
    )


def test_a_caution_names_the_worst_of_it():
    """One sentence per judge names the rates beyond their bounds; a long list is shortened."""
    (few,) = list_health_cautions(_card("one"))
    (many,) = list_health_cautions(_card("one", "two", "three", "four", "five"))

    assert few == (
        "The judge (<gpt-4>) failed 1 of 2 reliability checks: the rate of one 25% (at least 80%)."
    )
    assert many.endswith("the rate of three 25% (at least 80%); and 2 more.")
    assert list_health_cautions(_card()) == ()


def test_the_page_shows_the_card_and_that_it_is_out_of_date():
    """Every rate stands with its interval and bound; the judge's name is text, never markup."""
    records = a_run()
    battles = settle_battles(records.games)
    page = render_page(records, battles, build_leaderboard(records, battles), _card("one"))
    section = page[page.index("From 40 judgments of this run and 9 probes") :]

    assert "The judge&#39;s health" in page
    assert "The run's judgments have changed since" in section
    assert "&lt;gpt-4&gt;" in section
    assert "<gpt-4>" not in page
    for cell in ("the rate of one", "25%", "[10%, 50%]", "at least 80%", "out of bounds"):
        assert cell in section


def test_a_run_without_an_audit_has_no_such_section():
    """The page shows only what was measured."""
    records = a_run()
    battles = settle_battles(records.games)

    assert "judge&#39;s health" not in render_page(
        records, battles, build_leaderboard(records, battles)
    )
