"""Add MT-bench's grades, pairs and votes to imported records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evalharness.domain import (
    GradedJudgment,
    PairwiseJudgment,
    Verdict,
    Vote,
    Winner,
    compute_digest,
)
from evalharness.formats.rows.imported_records import (
    OUT_OF_SCALE,
    UNSCORED_IN_SOURCE,
    look_up_label,
)
from evalharness.formats.rows.mt_bench_rows import (
    HUMAN_NAME_PREFIX,
    UNPARSED_SCORE,
    MtBenchGrade,
    MtBenchPair,
    MtBenchVote,
    render_grade_row,
    render_pair_row,
    render_single_winner_row,
    render_vote_row,
)
from evalharness.formats.rows.row_reader import convert_row

if TYPE_CHECKING:
    from evalharness.formats.rows.imported_records import ImportedRecords, RowLocation
    from evalharness.formats.rows.row_reader import JsonRow

_MIN_SCORE, _MAX_SCORE = 1, 10
_HUMAN_NAME = re.compile(r"(expert|author)_\d+")
_FIRST_GAME_VERDICTS = {
    "model_1": Verdict.A,
    "model_2": Verdict.B,
    "tie": Verdict.TIE,
    "error": None,
}
_SECOND_GAME_VERDICTS = _FIRST_GAME_VERDICTS | {"model_1": Verdict.B, "model_2": Verdict.A}
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


def add_grade(row: JsonRow, imported: ImportedRecords, location: RowLocation) -> str:
    """Add a grade and return the name of its judge."""
    parsed = convert_row(row, MtBenchGrade, location)
    judge, prompt = _split_judge(parsed.judge, location)
    in_scale = _MIN_SCORE <= parsed.score <= _MAX_SCORE
    unscored = UNSCORED_IN_SOURCE if parsed.score == UNPARSED_SCORE else OUT_OF_SCALE
    grade = GradedJudgment(
        question_id=str(parsed.question_id),
        turn=parsed.turn,
        judge=judge,
        prompt=prompt,
        model=parsed.model,
        score=parsed.score if in_scale else None,
        unscored=None if in_scale else unscored,
        reply=parsed.judgment,
        digest=compute_digest(
            ["grade", str(parsed.question_id), parsed.turn, judge, prompt, parsed.model],
        ),
    )
    if imported.register_row("grade", grade.digest, row, location):
        imported.add_judgment(grade, location)
        imported.keep_unmapped_fields("grade", grade.digest, row, render_grade_row(grade))
    return judge


def add_pair(row: JsonRow, imported: ImportedRecords, location: RowLocation) -> str:
    """Add a pair and return the name of its judge.

    A pair is two games. It is one vote if only one winner is given, or if two grades were compared
    (`m1_score`, `m2_score`), because the answers were then not shown in two orders.
    """
    parsed = convert_row(row, MtBenchPair, location)
    judge, prompt = _split_judge(parsed.judge, location)
    models = (parsed.model_1, parsed.model_2)
    key = compute_digest(["pair", str(parsed.question_id), parsed.turn, judge, prompt, *models])
    if not imported.register_row("pair", key, row, location):
        return judge
    if parsed.winner is not None or parsed.m1_score is not None:
        vote = _make_single_winner_vote(parsed, key, location)
        imported.add_vote(vote, location)
        rendered = render_single_winner_row(vote)
    else:
        first, second = _make_games(parsed, key, location)
        imported.add_judgment(first, location)
        imported.add_judgment(second, location)
        rendered = render_pair_row(first, second)
    imported.keep_unmapped_fields("pair", key, row, rendered)
    return judge


def add_vote(row: JsonRow, imported: ImportedRecords, location: RowLocation) -> str:
    """Add a vote and return the name of its judge, which is usually a person."""
    parsed = convert_row(row, MtBenchVote, location)
    winner = look_up_label(_VOTE_WINNERS, parsed.winner, "winner", location)
    judge, prompt = _split_judge(parsed.judge, location)
    if _HUMAN_NAME.fullmatch(judge) or location.path.stem.startswith("human"):
        judge = f"{HUMAN_NAME_PREFIX}{judge}"
    vote = Vote(
        question_id=str(parsed.question_id),
        turn=parsed.turn,
        judge=judge,
        prompt=prompt,
        model_a=parsed.model_a,
        model_b=parsed.model_b,
        winner=winner,
        label=parsed.winner if parsed.winner != winner else None,
        digest=compute_digest(
            ["vote", str(parsed.question_id), parsed.turn, judge, parsed.model_a, parsed.model_b]
        ),
    )
    if imported.register_row("vote", vote.digest, row, location):
        imported.add_vote(vote, location)
        imported.keep_unmapped_fields("vote", vote.digest, row, render_vote_row(vote))
    return judge


def _make_games(
    parsed: MtBenchPair, key: str, location: RowLocation
) -> tuple[PairwiseJudgment, PairwiseJudgment]:
    """Return both games of a pair. The row names models, which change places in the second game."""
    judge, prompt = _split_judge(parsed.judge, location)
    first = PairwiseJudgment(
        question_id=str(parsed.question_id),
        turn=parsed.turn,
        judge=judge,
        prompt=prompt,
        model_a=parsed.model_1,
        model_b=parsed.model_2,
        verdict=look_up_label(_FIRST_GAME_VERDICTS, parsed.g1_winner, "g1_winner", location),
        unscored=UNSCORED_IN_SOURCE if parsed.g1_winner == "error" else None,
        reply=parsed.g1_judgment,
        digest=key,
    )
    second = PairwiseJudgment(
        question_id=first.question_id,
        turn=parsed.turn,
        judge=judge,
        prompt=prompt,
        model_a=parsed.model_2,
        model_b=parsed.model_1,
        verdict=look_up_label(_SECOND_GAME_VERDICTS, parsed.g2_winner, "g2_winner", location),
        unscored=UNSCORED_IN_SOURCE if parsed.g2_winner == "error" else None,
        reply=parsed.g2_judgment,
        digest=compute_digest([key, "swapped"]),
    )
    return first, second


def _make_single_winner_vote(parsed: MtBenchPair, key: str, location: RowLocation) -> Vote:
    judge, prompt = _split_judge(parsed.judge, location)
    label = parsed.winner if parsed.winner is not None else parsed.g1_winner
    scores = None
    if parsed.m1_score is not None and parsed.m2_score is not None:
        scores = (parsed.m1_score, parsed.m2_score)
    winner = look_up_label(_PAIR_WINNERS, label, "winner", location)
    return Vote(
        question_id=str(parsed.question_id),
        turn=parsed.turn,
        judge=judge,
        prompt=prompt,
        model_a=parsed.model_1,
        model_b=parsed.model_2,
        winner=winner,
        unscored=None if winner else UNSCORED_IN_SOURCE,
        scores=scores,
        digest=key,
    )


def _split_judge(judge: str | list[str], location: RowLocation) -> tuple[str, str]:
    """Return the name of a judge and of its prompt; the prompt of a person is empty."""
    names = [judge] if isinstance(judge, str) else judge
    if len(names) not in (1, 2):
        location.refuse(f"judge must be a name, or a name and a prompt, not {judge}")
    return names[0], names[1] if len(names) > 1 else ""
