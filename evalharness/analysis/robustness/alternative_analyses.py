"""Every defensible way to count a run's judgments, beside the way that its ranking counts.

What is not here is not defensible: dropping ties, or pairs whose two orders disagree, keeps the
easy questions and leaves out those that tell good models apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from evalharness.analysis.estimates.human_labels import exclude_label_checks
from evalharness.analysis.estimates.length_controlled_rates import (
    fit_at_equal_length,
    measure_answer_lengths,
)
from evalharness.analysis.estimates.panel import assemble_panel
from evalharness.analysis.estimates.ratings import JUDGE_AWARE
from evalharness.analysis.leaderboard.rank_variants import (
    RankRobustness,
    RankVariant,
    build_rank_variant,
)
from evalharness.analysis.robustness.answer_style import count_style_features, fit_at_equal_style
from evalharness.analysis.robustness.ranking_evidence import ModelFigures, RankingEvidence
from evalharness.errors import BattlesError, EvalHarnessError
from evalharness.judge import settle_battles
from evalharness.stats import HUMAN_PREFIX, bradley_terry, davidson, rank_estimates, rao_kupper

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from evalharness.analysis.leaderboard.rows import Leaderboard, LeaderboardRow
    from evalharness.analysis.robustness.ranking_evidence import RatingMethod
    from evalharness.domain import Battle, RunRecords

_MIN_SEVERAL = 2
_MIN_JUDGES_TO_LEAVE_OUT = 3
"""Of two judges, leaving one out is asking the other alone."""

_Analysis = tuple[str, str, "Callable[[], ModelFigures]"]
"""What is varied, how it counts, and the figures of the models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _RankingContext:
    """What is known before any way is tried: the ranking, and what it rests on."""

    board: Leaderboard
    evidence: RankingEvidence


def analyze_robustness(
    records: RunRecords, battles: Sequence[Battle], board: Leaderboard
) -> RankRobustness | None:
    """Return a ranking beside all other ways of counting; None with fewer than two ranked models.

    Args:
        records: the run.
        battles: its games, settled, and its votes.
        board: its leaderboard, as `build` makes it of these.
    """
    main = {row.model: row.rank for row in board.rows if row.rank is not None}
    if len(main) < _MIN_SEVERAL:
        return None
    table = exclude_label_checks(records, battles)
    evidence = RankingEvidence(
        records=table.records,
        battles=table.battles,
        panel=assemble_panel(table.records, table.battles),
        is_rated=any(row.rating is not None for row in board.rows),
    )
    told = _RankingContext(board=board, evidence=evidence)
    return RankRobustness(
        main=_name_ranking_method(told),
        ranks=main,
        separated=board.separated,
        variants=tuple(_try_analysis(way, main, board) for way in _iterate_analyses(told)),
    )


def _name_ranking_method(told: _RankingContext) -> str:
    """Return how the ranking itself counts."""
    if not told.evidence.is_rated:
        return "Mean score"
    if told.board.method == JUDGE_AWARE:
        return "Judge-aware Bradley-Terry"
    panel = " of the panel's majority" if told.evidence.panel else ""
    ties = "; a pair whose two orders disagree is a tie" if told.evidence.records.games else ""
    return f"{told.board.method}{panel}{ties}"


def _try_analysis(way: _Analysis, main: Mapping[str, int], board: Leaderboard) -> RankVariant:
    """Return a way of counting with its ranks, or with why there are none."""
    group, name, figures_of = way
    try:
        figures = figures_of()
    except EvalHarnessError as error:
        return RankVariant(group=group, name=name, note=f"No ranks: {_first_sentence(error)}.")
    missing = [model for model in main if model not in figures.values]
    if missing:
        listed = ", ".join(missing[:_MIN_SEVERAL]) + (
            ", ..." if len(missing) > _MIN_SEVERAL else ""
        )
        return RankVariant(group=group, name=name, note=f"No ranks: nothing there on {listed}.")
    found = rank_estimates(np.array([figures.values[model] for model in main]))
    placed = dict(zip(main, found.tolist(), strict=True))
    return build_rank_variant(group, name, placed, main, board.separated, figures.note)


def _iterate_analyses(told: _RankingContext) -> Iterator[_Analysis]:
    if told.evidence.is_rated:
        yield from _vary_games(told)
        yield from _vary_rating_models(told)
    yield from _vary_grade_use(told)
    yield from _vary_judges(told)
    yield from _vary_prompts(told)
    yield from _vary_turns(told)
    if told.evidence.is_rated:
        yield from _vary_style_control(told)
    yield from _vary_categories(told)


def _vary_games(told: _RankingContext) -> Iterator[_Analysis]:
    """Yield the ways that let each game of a pair count for half, in the order it was shown."""
    evidence = told.evidence
    if not evidence.records.games:
        yield "Games", "Both orders averaged", _unavailable("no game was judged in both orders")
        return

    def positioned(method: RatingMethod) -> ModelFigures:
        return evidence.games.rated(method, position=True)

    yield "Games", "Both orders averaged", lambda: evidence.games.rated(bradley_terry)
    for name, method in (
        ("Bradley-Terry", bradley_terry),
        ("Davidson", davidson),
        ("Rao-Kupper", rao_kupper),
    ):
        yield "Games", f"{name} with position", partial(positioned, method)


def _vary_rating_models(told: _RankingContext) -> Iterator[_Analysis]:
    """Yield other ways to make figures of the same battles."""
    evidence, board = told.evidence, told.board
    if board.method == JUDGE_AWARE:
        yield (
            "Rating model",
            "Bradley-Terry of the panel's majority",
            lambda: evidence.comparisons.rated(bradley_terry),
        )
    elif evidence.panel is not None:
        yield "Rating model", "Judge-aware Bradley-Terry", evidence.judge_aware
    yield "Rating model", "Davidson", lambda: evidence.comparisons.rated(davidson)
    yield "Rating model", "Rao-Kupper", lambda: evidence.comparisons.rated(rao_kupper)
    yield "Rating model", "Online Elo", lambda: _leaderboard_column(board, lambda row: row.elo)
    yield "Rating model", "Win rate", lambda: _leaderboard_column(board, lambda row: row.win_rate)


def _vary_grade_use(told: _RankingContext) -> Iterator[_Analysis]:
    """Yield the ways that count grades."""
    evidence, board = told.evidence, told.board
    if not evidence.records.graded:
        yield "Grades", "Mean score", _unavailable("nothing was graded")
        return
    if evidence.is_rated:
        yield "Grades", "Mean score", lambda: _leaderboard_column(board, lambda row: row.score)
    yield (
        "Grades",
        "Bradley-Terry of grades",
        lambda: evidence.graded_battles().rated(bradley_terry),
    )


def _vary_judges(told: _RankingContext) -> Iterator[_Analysis]:
    """Yield each judge alone, and all but each."""
    evidence, panel = told.evidence, told.board.panel
    if panel is None or evidence.panel is None:
        yield from _vary_voters(told)
        return
    judges = evidence.panel.judges
    for judge in judges:
        yield "Judge", f"{judge} alone", evidence.by(judge).figures
    for row in panel.judges if len(judges) >= _MIN_JUDGES_TO_LEAVE_OUT else ():
        without = row.ratings_without if evidence.is_rated else row.scores_without
        yield "Judge", f"Without {row.judge}", partial(ModelFigures.of, without)


def _vary_voters(told: _RankingContext) -> Iterator[_Analysis]:
    """Yield whose votes make the battles, where several voters do and none is a panel's judge."""
    battles = told.evidence.battles
    voter = {each.judge: _voter_name(each.judge) for each in battles}
    voters = list(dict.fromkeys(voter.values()))
    if len(voters) < _MIN_SEVERAL or not told.evidence.is_rated:
        yield "Judge", "Each judge alone", _unavailable("there is a single judge")
        return
    for name in voters:
        own = tuple(each for each in battles if voter[each.judge] == name)
        yield "Judge", f"{name} alone", replace(told.evidence, battles=own).figures


def _voter_name(judge: str) -> str:
    return "people" if judge.startswith(HUMAN_PREFIX) else judge


def _vary_prompts(told: _RankingContext) -> Iterator[_Analysis]:
    """Yield each judge prompt alone, where the same things were judged with several."""
    records, evidence = told.evidence.records, told.evidence
    prompts = evidence.prompts
    if len(prompts) < _MIN_SEVERAL:
        yield (
            "Prompt",
            "Each judge prompt alone",
            _unavailable("nothing was judged with two prompts"),
        )
    for prompt in prompts:
        chosen = replace(
            records,
            graded=tuple(grade for grade in records.graded if grade.prompt == prompt),
            games=tuple(game for game in records.games if game.prompt == prompt),
        )
        battles = settle_battles(chosen.games)
        yield (
            "Prompt",
            f"{prompt} alone",
            replace(
                evidence, records=chosen, battles=battles, panel=assemble_panel(chosen, battles)
            ).figures,
        )


def _vary_turns(told: _RankingContext) -> Iterator[_Analysis]:
    turns = told.evidence.turns
    if len(turns) < _MIN_SEVERAL:
        yield "Turn", "Each turn alone", _unavailable("a single turn was judged")
        return
    for turn in turns:
        only = told.evidence.among(partial(_is_turn, turn))
        yield "Turn", f"Turn {turn} alone", only.figures


def _vary_style_control(told: _RankingContext) -> Iterator[_Analysis]:
    records, evidence = told.evidence.records, told.evidence
    if not records.answers:
        yield "Style", "At equal length and Markdown", _unavailable("the run holds no answers")
        return

    def equal_length() -> ModelFigures:
        return ModelFigures.rated(
            fit_at_equal_length(evidence.settled, measure_answer_lengths(records))[1]
        )

    def equal_style() -> ModelFigures:
        return ModelFigures.rated(
            fit_at_equal_style(evidence.settled, count_style_features(records))
        )

    yield "Style", "At equal length", equal_length
    yield "Style", "At equal length and Markdown", equal_style


def _vary_categories(told: _RankingContext) -> Iterator[_Analysis]:
    """Yield all categories but each."""
    category = {each.question_id: each.category for each in told.evidence.records.questions}
    judged = {category.get(question, "") for question in told.evidence.questions}
    names = [name for name in dict.fromkeys(category.values()) if name in judged]
    if len(judged) < _MIN_SEVERAL or not names:
        what = "there is a single category" if names else "the categories are not known"
        yield "Category", "Without a category", _unavailable(what)
        return
    for name in names:
        own = {question for question, of in category.items() if of == name}
        rest = told.evidence.among(partial(_is_other_question, own))
        yield "Category", f"Without {name}", rest.figures


def _leaderboard_column(
    board: Leaderboard, figure: Callable[[LeaderboardRow], float | None]
) -> ModelFigures:
    """Return figures that the leaderboard has already."""
    values = {
        row.model: value for row in board.rows for value in [figure(row)] if value is not None
    }
    return ModelFigures.of(values)


def _is_turn(turn: int, _: str, other: int) -> bool:
    return turn == other


def _is_other_question(questions: Collection[str], question: str, _: int) -> bool:
    return question not in questions


def _unavailable(why: str) -> Callable[[], ModelFigures]:
    """Return what says that a way of counting is not there."""

    def refuse() -> ModelFigures:
        raise BattlesError(why)

    return refuse


def _first_sentence(error: EvalHarnessError) -> str:
    """Return what is wrong, without what to do about it: that was told beside the table."""
    return str(error).split(": ", maxsplit=1)[0].split(". ", maxsplit=1)[0].rstrip(".")
