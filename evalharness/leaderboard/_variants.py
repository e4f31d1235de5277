"""Every defensible way to count a run's judgments, beside the way that its ranking counts.

What is not here is not defensible: dropping ties, or pairs whose two orders disagree, keeps the
easy questions and leaves out those that tell good models apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from evalharness.errors import BattlesError, EvalHarnessError
from evalharness.leaderboard._evidence import Evidence, Figures
from evalharness.leaderboard._lengths import at_equal_length, lengths_of
from evalharness.leaderboard._panel import convene
from evalharness.leaderboard._people import without_checks
from evalharness.leaderboard._robustness import Robustness, Variant, variant
from evalharness.leaderboard._standings import JUDGE_AWARE
from evalharness.leaderboard._style import at_equal_style, styles_of
from evalharness.settle import settle_all
from evalharness.stats.bradley_terry import bradley_terry
from evalharness.stats.people import PEOPLE
from evalharness.stats.ranks import ranks
from evalharness.stats.ties import davidson, rao_kupper

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from evalharness.domain import Battle, RunRecords
    from evalharness.leaderboard._evidence import Method
    from evalharness.leaderboard._rows import Leaderboard, LeaderboardRow

_SEVERAL = 2
_LEFT_OUT = 3
"""Of two judges, leaving one out is asking the other alone."""

_Way = tuple[str, str, "Callable[[], Figures]"]
"""What is varied, how it counts, and the figures of the models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What is known before any way is tried: the ranking, and what it rests on."""

    board: Leaderboard
    evidence: Evidence


def robustness(
    records: RunRecords, battles: Sequence[Battle], board: Leaderboard
) -> Robustness | None:
    """Return a ranking beside all other ways of counting; None with fewer than two ranked models.

    Args:
        records: the run.
        battles: its games, settled, and its votes.
        board: its leaderboard, as `build` makes it of these.
    """
    main = {row.model: row.rank for row in board.rows if row.rank is not None}
    if len(main) < _SEVERAL:
        return None
    table = without_checks(records, battles)
    evidence = Evidence(
        records=table.records,
        battles=table.battles,
        panel=convene(table.records, table.battles),
        is_rated=any(row.rating is not None for row in board.rows),
    )
    told = _Told(board=board, evidence=evidence)
    return Robustness(
        main=_main(told),
        ranks=main,
        separated=board.separated,
        variants=tuple(_tried(way, main, board) for way in _ways(told)),
    )


def _main(told: _Told) -> str:
    """Return how the ranking itself counts."""
    if not told.evidence.is_rated:
        return "Mean score"
    if told.board.method == JUDGE_AWARE:
        return "Judge-aware Bradley-Terry"
    panel = " of the panel's majority" if told.evidence.panel else ""
    ties = "; a pair whose two orders disagree is a tie" if told.evidence.records.games else ""
    return f"{told.board.method}{panel}{ties}"


def _tried(way: _Way, main: Mapping[str, int], board: Leaderboard) -> Variant:
    """Return a way of counting with its ranks, or with why there are none."""
    group, name, figures_of = way
    try:
        figures = figures_of()
    except EvalHarnessError as error:
        return Variant(group=group, name=name, note=f"No ranks: {_first_sentence(error)}.")
    missing = [model for model in main if model not in figures.values]
    if missing:
        listed = ", ".join(missing[:_SEVERAL]) + (", ..." if len(missing) > _SEVERAL else "")
        return Variant(group=group, name=name, note=f"No ranks: nothing there on {listed}.")
    found = ranks(np.array([figures.values[model] for model in main]))
    placed = dict(zip(main, found.tolist(), strict=True))
    return variant(group, name, placed, main, board.separated, figures.note)


def _ways(told: _Told) -> Iterator[_Way]:
    if told.evidence.is_rated:
        yield from _of_games(told)
        yield from _of_models(told)
    yield from _of_grades(told)
    yield from _of_judges(told)
    yield from _of_prompts(told)
    yield from _of_turns(told)
    if told.evidence.is_rated:
        yield from _of_style(told)
    yield from _of_categories(told)


def _of_games(told: _Told) -> Iterator[_Way]:
    """Yield the ways that let each game of a pair count for half, in the order it was shown."""
    evidence = told.evidence
    if not evidence.records.games:
        yield "Games", "Both orders averaged", _refuse("no game was judged in both orders")
        return

    def positioned(method: Method) -> Figures:
        return evidence.games.rated(method, position=True)

    yield "Games", "Both orders averaged", lambda: evidence.games.rated(bradley_terry)
    for name, method in (
        ("Bradley-Terry", bradley_terry),
        ("Davidson", davidson),
        ("Rao-Kupper", rao_kupper),
    ):
        yield "Games", f"{name} with position", partial(positioned, method)


def _of_models(told: _Told) -> Iterator[_Way]:
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
    yield "Rating model", "Online Elo", lambda: _column(board, lambda row: row.elo)
    yield "Rating model", "Win rate", lambda: _column(board, lambda row: row.win_rate)


def _of_grades(told: _Told) -> Iterator[_Way]:
    """Yield the ways that count grades."""
    evidence, board = told.evidence, told.board
    if not evidence.records.graded:
        yield "Grades", "Mean score", _refuse("nothing was graded")
        return
    if evidence.is_rated:
        yield "Grades", "Mean score", lambda: _column(board, lambda row: row.score)
    yield (
        "Grades",
        "Bradley-Terry of grades",
        lambda: evidence.graded_battles().rated(bradley_terry),
    )


def _of_judges(told: _Told) -> Iterator[_Way]:
    """Yield each judge alone, and all but each."""
    evidence, panel = told.evidence, told.board.panel
    if panel is None or evidence.panel is None:
        yield from _of_voters(told)
        return
    judges = evidence.panel.judges
    for judge in judges:
        yield "Judge", f"{judge} alone", evidence.by(judge).figures
    for row in panel.judges if len(judges) >= _LEFT_OUT else ():
        without = row.ratings_without if evidence.is_rated else row.scores_without
        yield "Judge", f"Without {row.judge}", partial(Figures.of, without)


def _of_voters(told: _Told) -> Iterator[_Way]:
    """Yield whose votes make the battles, where several voters do and none is a panel's judge."""
    battles = told.evidence.battles
    voter = {each.judge: _voter(each.judge) for each in battles}
    voters = list(dict.fromkeys(voter.values()))
    if len(voters) < _SEVERAL or not told.evidence.is_rated:
        yield "Judge", "Each judge alone", _refuse("there is a single judge")
        return
    for name in voters:
        own = tuple(each for each in battles if voter[each.judge] == name)
        yield "Judge", f"{name} alone", replace(told.evidence, battles=own).figures


def _voter(judge: str) -> str:
    return "people" if judge.startswith(PEOPLE) else judge


def _of_prompts(told: _Told) -> Iterator[_Way]:
    """Yield each judge prompt alone, where the same things were judged with several."""
    records, evidence = told.evidence.records, told.evidence
    prompts = evidence.prompts
    if len(prompts) < _SEVERAL:
        yield "Prompt", "Each judge prompt alone", _refuse("nothing was judged with two prompts")
    for prompt in prompts:
        chosen = replace(
            records,
            graded=tuple(grade for grade in records.graded if grade.prompt == prompt),
            games=tuple(game for game in records.games if game.prompt == prompt),
        )
        battles = settle_all(chosen.games)
        yield (
            "Prompt",
            f"{prompt} alone",
            replace(
                evidence, records=chosen, battles=battles, panel=convene(chosen, battles)
            ).figures,
        )


def _of_turns(told: _Told) -> Iterator[_Way]:
    turns = told.evidence.turns
    if len(turns) < _SEVERAL:
        yield "Turn", "Each turn alone", _refuse("a single turn was judged")
        return
    for turn in turns:
        only = told.evidence.among(partial(_is_of_turn, turn))
        yield "Turn", f"Turn {turn} alone", only.figures


def _of_style(told: _Told) -> Iterator[_Way]:
    records, evidence = told.evidence.records, told.evidence
    if not records.answers:
        yield "Style", "At equal length and Markdown", _refuse("the run holds no answers")
        return

    def equal_length() -> Figures:
        return Figures.rated(at_equal_length(evidence.settled, lengths_of(records))[1])

    def equal_style() -> Figures:
        return Figures.rated(at_equal_style(evidence.settled, styles_of(records)))

    yield "Style", "At equal length", equal_length
    yield "Style", "At equal length and Markdown", equal_style


def _of_categories(told: _Told) -> Iterator[_Way]:
    """Yield all categories but each."""
    category = {each.question_id: each.category for each in told.evidence.records.questions}
    judged = {category.get(question, "") for question in told.evidence.questions}
    names = [name for name in dict.fromkeys(category.values()) if name in judged]
    if len(judged) < _SEVERAL or not names:
        what = "there is a single category" if names else "the categories are not known"
        yield "Category", "Without a category", _refuse(what)
        return
    for name in names:
        own = {question for question, of in category.items() if of == name}
        rest = told.evidence.among(partial(_is_not_among, own))
        yield "Category", f"Without {name}", rest.figures


def _column(board: Leaderboard, figure: Callable[[LeaderboardRow], float | None]) -> Figures:
    """Return figures that the leaderboard has already."""
    values = {
        row.model: value for row in board.rows for value in [figure(row)] if value is not None
    }
    return Figures.of(values)


def _is_of_turn(turn: int, _: str, other: int) -> bool:
    return turn == other


def _is_not_among(questions: Collection[str], question: str, _: int) -> bool:
    return question not in questions


def _refuse(why: str) -> Callable[[], Figures]:
    """Return what says that a way of counting is not there."""

    def refuse() -> Figures:
        raise BattlesError(why)

    return refuse


def _first_sentence(error: EvalHarnessError) -> str:
    """Return what is wrong, without what to do about it: that was told beside the table."""
    return str(error).split(": ", maxsplit=1)[0].split(". ", maxsplit=1)[0].rstrip(".")
