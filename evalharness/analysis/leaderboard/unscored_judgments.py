"""Report judgments that could not be read, where they leave out some models more than others.

An unscored battle is part of no figure. If a model's answers make the judge unreadable, the model
is left with the battles in which they did not, so its figures are of other questions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from evalharness.analysis.estimates.ratings import fit_ratings
from evalharness.domain import Battle, Winner
from evalharness.judge import pair_swapped_games, settle_battle
from evalharness.stats import build_comparisons_from_battles, is_human_judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalharness.domain import RunRecords
    from evalharness.stats import RatingModel

_MIN_SHARE_DIFFERENCE = 0.02
"""The difference between the models' shares of unscored judgments from which it is reported."""
_MIN_SHARE = 0.05
"""The share of unscored battles from which they are reported even if no model has more of them."""
_MAX_LISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnscoredCounts:
    """The number of battles and grades by model, and how many of them are unscored."""

    battles: Counter[str]
    unscored_battles: Counter[str]
    grades: Counter[str]
    unscored_grades: Counter[str]

    def share(self, model: str) -> float:
        """Return the share of a model's battles and grades that are unscored."""
        total = self.battles[model] + self.grades[model]
        return (self.unscored_battles[model] + self.unscored_grades[model]) / max(total, 1)

    def describe(self, model: str) -> str:
        """Return the counts of a model in words."""
        parts = [
            f"{unscored[model]} of {total[model]} {noun}"
            for unscored, total, noun in (
                (self.unscored_battles, self.battles, "battles"),
                (self.unscored_grades, self.grades, "grades"),
            )
            if total[model]
        ]
        return f"{model} {' and '.join(parts)}"


def list_unscored_cautions(
    records: RunRecords, battles: Sequence[Battle], model: RatingModel, *, level: float
) -> Iterator[str]:
    """Yield a sentence if judgments that could not be read leave out some models more than others.

    It names the models and their counts, the questions that are common to all, and the rankings if
    unscored battles counted as ties, as losses of the model with more of them (of the leading
    model, if all have as many), or if only the common questions counted.

    Args:
        records: the run.
        battles: its settled battles.
        model: the rating model of the rankings.
        level: the level of the ratings' intervals.
    """
    unscored = tuple(_list_unscored_battles(records))
    counts = _count_unscored(records, battles, unscored)
    models = sorted({*counts.battles, *counts.grades}, key=lambda name: (-counts.share(name), name))
    shares = [counts.share(name) for name in models]
    if not shares or not max(shares):
        return
    if max(shares) - min(shares) < _MIN_SHARE_DIFFERENCE and (
        len(unscored) < _MIN_SHARE * (len(unscored) + len(battles))
    ):
        return
    listed = "; ".join(counts.describe(name) for name in models[:_MAX_LISTED])
    more = f"; and {len(models) - _MAX_LISTED} more models" if len(models) > _MAX_LISTED else ""
    numbers = "the same share" if max(shares) == min(shares) else "unequal numbers"
    yield (
        f"Judgments that could not be read are part of no figure, and models have {numbers} "
        f"of them: {listed}{more}.{_describe_rankings(battles, unscored, counts, model, level)}"
    )


def _list_unscored_battles(records: RunRecords) -> Iterator[Battle]:
    """Yield the battles with a game that could not be read, as ties."""
    for game, swapped in pair_swapped_games(records.games):
        if settle_battle(game, swapped) is None:
            yield Battle(
                question_id=game.question_id,
                turn=game.turn,
                judge=game.judge,
                model_a=game.model_a,
                model_b=game.model_b,
                sample=game.sample,
                winner=Winner.TIE,
            )
    for vote in records.votes:
        if vote.battle is None and not is_human_judge(vote.judge):
            yield Battle(
                question_id=vote.question_id,
                turn=vote.turn,
                judge=vote.judge,
                model_a=vote.model_a,
                model_b=vote.model_b,
                sample=vote.sample,
                winner=Winner.TIE,
            )


def _count_unscored(
    records: RunRecords, battles: Sequence[Battle], unscored: Sequence[Battle]
) -> _UnscoredCounts:
    return _UnscoredCounts(
        battles=Counter(
            name for each in (*battles, *unscored) for name in (each.model_a, each.model_b)
        ),
        unscored_battles=Counter(
            name for each in unscored for name in (each.model_a, each.model_b)
        ),
        grades=Counter(grade.model for grade in records.graded),
        unscored_grades=Counter(grade.model for grade in records.graded if grade.score is None),
    )


def _describe_rankings(
    battles: Sequence[Battle],
    unscored: Sequence[Battle],
    counts: _UnscoredCounts,
    model: RatingModel,
    level: float,
) -> str:
    """Return the rankings under other treatments of unscored battles; empty without any."""
    if not unscored or not battles:
        return ""
    models = {name for each in battles for name in (each.model_a, each.model_b)}
    left_out = {each.question_id for each in unscored}
    common = [each for each in battles if each.question_id not in left_out]
    questions = len({each.question_id for each in (*battles, *unscored)})
    shared = len({each.question_id for each in common})
    ratings = _rate_models(battles, model, level)
    lost = [_lose(each, counts, ratings) for each in unscored]
    has_more = len({counts.share(name) for name in models}) > 1
    loser = "model that has more of them" if has_more else "leading model"
    ways = {
        "as ties": _rate_models((*battles, *unscored), model, level),
        f"as losses of the {loser}": _rate_models((*battles, *lost), model, level),
        f"on the {shared} of {questions} questions without any, which are common to all": (
            _rate_models(common, model, level)
        ),
    }
    main = _rank(ratings)
    known = {way: _rank(rated) for way, rated in ways.items() if rated.keys() >= models}
    same = [way for way, ranking in known.items() if ranking == main]
    changed = {way: ranking for way, ranking in known.items() if ranking != main}
    sentences = [f" Common to all models: {shared} of {questions} questions."]
    if changed:
        sentences.append(f" By rating: {main}.")
        sentences += [f" Counted {way}: {ranking}." for way, ranking in changed.items()]
    if same:
        sentences.append(f" The order stays the same counted {', or '.join(same)}.")
    return "".join(sentences)


def _lose(battle: Battle, counts: _UnscoredCounts, ratings: Mapping[str, float]) -> Battle:
    """Return an unscored battle as lost by the model with more of them, or else by the better one.

    It stays a tie if the models are equal in both.
    """

    def blame(name: str) -> tuple[float, float]:
        return counts.share(name), round(ratings.get(name, 0.0), 6)

    first, second = blame(battle.model_a), blame(battle.model_b)
    if first == second:
        return battle
    return replace(battle, winner=Winner.MODEL_B if first > second else Winner.MODEL_A)


def _rate_models(battles: Sequence[Battle], model: RatingModel, level: float) -> dict[str, float]:
    """Return ratings by model; empty if the battles share no scale."""
    if not battles:
        return {}
    ratings = fit_ratings(build_comparisons_from_battles(battles), model, level).ratings
    if ratings is None:
        return {}
    return dict(zip(ratings.models, ratings.ratings.tolist(), strict=True))


def _rank(ratings: Mapping[str, float]) -> str:
    """Return the models from the best to the worst; equal ratings are joined by `=`."""
    ordered = sorted(ratings, key=lambda name: (-round(ratings[name], 6), name))
    text = ordered[0] if ordered else ""
    for before, name in pairwise(ordered):
        is_equal = round(ratings[before], 6) == round(ratings[name], 6)
        text += f" {'=' if is_equal else '>'} {name}"
    return text
