"""MT-bench's judgments as records: a pair is two games, a vote is no game."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evalharness.domain import GradedJudgment, PairwiseJudgment, Verdict, Vote, Winner, digest
from evalharness.formats.rows.imported_records import (
    OUT_OF_SCALE,
    UNSCORED_IN_SOURCE,
    look_up_label,
)
from evalharness.formats.rows.mt_bench_rows import (
    HUMAN_PREFIX,
    UNPARSED,
    MtBenchGrade,
    MtBenchPair,
    MtBenchVote,
    grade_row,
    pair_row,
    single_winner_row,
    vote_row,
)
from evalharness.formats.rows.row_reader import convert_row

if TYPE_CHECKING:
    from evalharness.formats.rows.imported_records import ImportedRecords, RowLocation
    from evalharness.formats.rows.row_reader import JsonRow

_LOWEST, _HIGHEST = 1, 10
_PERSON = re.compile(r"(expert|author)_\d+")
_FIRST_GAME = {
    "model_1": Verdict.A,
    "model_2": Verdict.B,
    "tie": Verdict.TIE,
    "error": None,
}
_SECOND_GAME = _FIRST_GAME | {"model_1": Verdict.B, "model_2": Verdict.A}
_PAIR_WINNERS = {
    "model_1": Winner.MODEL_A,
    "model_2": Winner.MODEL_B,
    "tie": Winner.TIE,
    "error": None,
}
_VOTE_WINNERS = {
    "model_a": Winner.MODEL_A,
    "model_b": Winner.MODEL_B,
    "tie": Winner.TIE,
    "tie (inconsistent)": Winner.TIE,
    "tie (bothbad)": Winner.TIE,
}


def read_grade(row: JsonRow, gathering: ImportedRecords, at: RowLocation) -> str:
    """Add a grade and return its judge."""
    given = convert_row(row, MtBenchGrade, at.path, at.line)
    judge, prompt = _judge(given.judge, at)
    in_scale = _LOWEST <= given.score <= _HIGHEST
    unscored = UNSCORED_IN_SOURCE if given.score == UNPARSED else OUT_OF_SCALE
    grade = GradedJudgment(
        question_id=str(given.question_id),
        turn=given.turn,
        judge=judge,
        prompt=prompt,
        model=given.model,
        score=given.score if in_scale else None,
        unscored=None if in_scale else unscored,
        reply=given.judgment,
        digest=digest(
            ["grade", str(given.question_id), given.turn, judge, prompt, given.model],
        ),
    )
    if gathering.is_new("grade", grade.digest, row, at):
        gathering.add_judgment(grade, at)
        gathering.keep_beyond("grade", grade.digest, row, grade_row(grade))
    return judge


def read_pair(row: JsonRow, gathering: ImportedRecords, at: RowLocation) -> str:
    """Add the two games of a pair, or its vote where no second order was played.

    Two grades compared (`m1_score`, `m2_score`) are such a vote: no order was ever shown.
    """
    given = convert_row(row, MtBenchPair, at.path, at.line)
    judge, prompt = _judge(given.judge, at)
    models = (given.model_1, given.model_2)
    key = digest(["pair", str(given.question_id), given.turn, judge, prompt, *models])
    if not gathering.is_new("pair", key, row, at):
        return judge
    if given.winner is not None or given.m1_score is not None:
        _add_single_winner(given, row, key, gathering, at)
        return judge
    first, second = _games(given, key, at)
    gathering.add_judgment(first, at)
    gathering.add_judgment(second, at)
    gathering.keep_beyond("pair", key, row, pair_row(first, second))
    return judge


def read_vote(row: JsonRow, gathering: ImportedRecords, at: RowLocation) -> str:
    """Add somebody's vote and return the judge."""
    given = convert_row(row, MtBenchVote, at.path, at.line)
    winner = look_up_label(_VOTE_WINNERS, given.winner, "winner", at)
    judge, prompt = _judge(given.judge, at)
    if _PERSON.fullmatch(judge) or at.path.stem.startswith("human"):
        judge = f"{HUMAN_PREFIX}{judge}"
    vote = Vote(
        question_id=str(given.question_id),
        turn=given.turn,
        judge=judge,
        prompt=prompt,
        model_a=given.model_a,
        model_b=given.model_b,
        winner=winner,
        label=given.winner if given.winner != winner else None,
        digest=digest(
            ["vote", str(given.question_id), given.turn, judge, given.model_a, given.model_b]
        ),
    )
    if gathering.is_new("vote", vote.digest, row, at):
        gathering.add_vote(vote, at)
        gathering.keep_beyond("vote", vote.digest, row, vote_row(vote))
    return judge


def _games(
    given: MtBenchPair, key: str, at: RowLocation
) -> tuple[PairwiseJudgment, PairwiseJudgment]:
    """Return both games of a pair; winners are models, which in the second changed places."""
    judge, prompt = _judge(given.judge, at)
    first = PairwiseJudgment(
        question_id=str(given.question_id),
        turn=given.turn,
        judge=judge,
        prompt=prompt,
        model_a=given.model_1,
        model_b=given.model_2,
        verdict=look_up_label(_FIRST_GAME, given.g1_winner, "g1_winner", at),
        unscored=UNSCORED_IN_SOURCE if given.g1_winner == "error" else None,
        reply=given.g1_judgment,
        digest=key,
    )
    second = PairwiseJudgment(
        question_id=first.question_id,
        turn=given.turn,
        judge=judge,
        prompt=prompt,
        model_a=given.model_2,
        model_b=given.model_1,
        verdict=look_up_label(_SECOND_GAME, given.g2_winner, "g2_winner", at),
        unscored=UNSCORED_IN_SOURCE if given.g2_winner == "error" else None,
        reply=given.g2_judgment,
        digest=digest([key, "swapped"]),
    )
    return first, second


def _add_single_winner(
    given: MtBenchPair, row: JsonRow, key: str, gathering: ImportedRecords, at: RowLocation
) -> None:
    judge, prompt = _judge(given.judge, at)
    label = given.winner if given.winner is not None else given.g1_winner
    scores = None
    if given.m1_score is not None and given.m2_score is not None:
        scores = (given.m1_score, given.m2_score)
    winner = look_up_label(_PAIR_WINNERS, label, "winner", at)
    vote = Vote(
        question_id=str(given.question_id),
        turn=given.turn,
        judge=judge,
        prompt=prompt,
        model_a=given.model_1,
        model_b=given.model_2,
        winner=winner,
        unscored=None if winner else UNSCORED_IN_SOURCE,
        scores=scores,
        digest=key,
    )
    gathering.add_vote(vote, at)
    gathering.keep_beyond("pair", key, row, single_winner_row(vote))


def _judge(given: str | list[str], at: RowLocation) -> tuple[str, str]:
    """Return a judge's name and its prompt's; people have no prompt."""
    names = [given] if isinstance(given, str) else given
    if len(names) not in (1, 2):
        at.refuse(f"judge must be a name, or a name and a prompt, not {given}")
    return names[0], names[1] if len(names) > 1 else ""
