"""A judge's ratings corrected by people's votes, where people voted on a part of its battles."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalharness.errors import EvalHarnessError
from evalharness.leaderboard._rows import CorrectedRatings, CorrectedRow
from evalharness.stats.bradley_terry import bradley_terry
from evalharness.stats.comparisons import OUTCOME_BY_WINNER, Outcome, compare, from_battles
from evalharness.stats.people import PEOPLE
from evalharness.stats.prediction_powered import prediction_powered_ratings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import Battle, RunRecords
    from evalharness.stats.comparisons import Comparisons
    from evalharness.stats.prediction_powered import PredictionPoweredRatings
    from evalharness.stats.ratings import Ratings

_Showing = tuple[str, int, int, str, str]


def corrected(battles: Sequence[Battle], *, level: float = 0.95) -> tuple[CorrectedRatings, ...]:
    """Return for every judge its ratings as they are, and as people would give them.

    People's votes on what no judge settled are left out; nothing is returned without any others.

    Args:
        battles: a run's, of judges and of people (whose names begin with `human`).
        level: the level of the intervals.
    """
    people = [battle for battle in battles if battle.judge.startswith(PEOPLE)]
    others = [battle for battle in battles if not battle.judge.startswith(PEOPLE)]
    judges = dict.fromkeys(battle.judge for battle in others)
    found = (
        _corrected(judge, [each for each in others if each.judge == judge], people, level)
        for judge in (judges if people else ())
    )
    return tuple(each for each in found if each.labelled)


def without_checks(
    records: RunRecords, battles: Sequence[Battle]
) -> tuple[tuple[Battle, ...], tuple[str, ...]]:
    """Return battles without people's votes on what the run's judges settled, and a note on these.

    Such votes are there to check the judge. Rated together with its battles, they would give a
    table that is neither the judge's nor people's.
    """
    judges = {game.judge for game in records.games}
    settled = {_showing(battle) for battle in battles if battle.judge in judges}
    kept = tuple(
        battle
        for battle in battles
        if not battle.judge.startswith(PEOPLE) or _showing(battle) not in settled
    )
    number = len(battles) - len(kept)
    if not number:
        return kept, ()
    votes = "vote of people is" if number == 1 else "votes of people are"
    note = (
        f"{number} {votes} on battles that the judge settled too: they check and correct it, and "
        "are no part of the ratings and win rates."
    )
    return kept, (note,)


def _corrected(
    judge: str, own: Sequence[Battle], people: Sequence[Battle], level: float
) -> CorrectedRatings:
    said = {_showing(battle): battle for battle in own}
    labels = [vote for vote in people if _showing(vote) in said]
    seen = {_showing(vote) for vote in labels}
    unlabelled = [battle for battle in own if _showing(battle) not in seen]
    found = CorrectedRatings(judge=judge, labelled=len(labels), unlabelled=len(unlabelled))
    if not labels:
        return found
    predictions = [_outcome_for(vote, said[_showing(vote)]) for vote in labels]
    try:
        powered = _powered(labels, predictions, unlabelled, level)
        plain = bradley_terry(from_battles(own), level=level)
    except EvalHarnessError as error:
        return replace(found, note=str(error))
    rows = tuple(_row(model, plain, powered.ratings) for model in powered.ratings.models)
    ranked = sorted(rows, key=lambda row: -row.rating)
    return replace(found, trust=powered.trust, rows=tuple(ranked))


def _powered(
    labels: Sequence[Battle],
    predictions: Sequence[Outcome],
    unlabelled: Sequence[Battle],
    level: float,
) -> PredictionPoweredRatings:
    every = [*labels, *unlabelled]
    models = sorted({model for each in every for model in (each.model_a, each.model_b)})
    questions = list(dict.fromkeys(battle.question_id for battle in every))
    return prediction_powered_ratings(
        _comparisons(labels, models, questions),
        predictions,
        _comparisons(unlabelled, models, questions),
        level=level,
    )


def _comparisons(
    battles: Sequence[Battle], models: Sequence[str], questions: Sequence[str]
) -> Comparisons:
    place = {model: number for number, model in enumerate(models)}
    number = {question: each for each, question in enumerate(questions)}
    return compare(
        models,
        [place[battle.model_a] for battle in battles],
        [place[battle.model_b] for battle in battles],
        [OUTCOME_BY_WINNER[battle.winner] for battle in battles],
        question=[number[battle.question_id] for battle in battles],
    )


def _showing(battle: Battle) -> _Showing:
    first, second = sorted((battle.model_a, battle.model_b))
    return battle.question_id, battle.turn, battle.sample, first, second


def _outcome_for(vote: Battle, battle: Battle) -> Outcome:
    """Return the judge's outcome with the models in the order of the vote."""
    outcome = OUTCOME_BY_WINNER[battle.winner]
    return outcome if battle.model_a == vote.model_a else Outcome(Outcome.FIRST_WON - outcome)


def _row(model: str, plain: Ratings, people: Ratings) -> CorrectedRow:
    own, theirs = plain.rating(model), people.rating(model)
    return CorrectedRow(
        model=model,
        rating=theirs.value,
        low=theirs.low,
        high=theirs.high,
        judge_rating=own.value,
        judge_low=own.low,
        judge_high=own.high,
    )
