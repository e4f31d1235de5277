"""Add MT-bench's grades, pairs and votes to imported records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from evalharness.domain import (
    GradedJudgment,
    PairwiseJudgment,
    Verdict,
    Vote,
    Winner,
    compute_digest,
)
from evalharness.formats.rows.imported_records import OUT_OF_SCALE, UNSCORED_IN_SOURCE
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
from evalharness.formats.rows.row_reader import look_up_label
from evalharness.stats import is_human_judge

if TYPE_CHECKING:
    from evalharness.formats.rows.imported_records import ImportedRecords
    from evalharness.formats.rows.row_location import RowLocation
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
    """Add a grade and return the name of its judge.

    A grade may stand again in the file of a second run: as in FastChat, the later one counts.
    """
    parsed = imported.read_row(row, MtBenchGrade, location, "model")
    judge, prompt = _split_judge(parsed.judge, imported, location)
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
    if imported.register_row(
        "grade", grade.digest, row, location, is_scored=in_scale, later_counts=True
    ):
        imported.add_judgment(grade, location)
        imported.keep_unmapped_fields("grade", grade.digest, row, render_grade_row(grade))
    return judge


def add_pair(row: JsonRow, imported: ImportedRecords, location: RowLocation) -> str:
    """Add a pair and return the name of its judge.

    A pair is two games. It is one vote if only one winner is given, or if two grades were compared
    (`m1_score`, `m2_score`), because the answers were then not shown in two orders.
    """
    parsed = imported.read_row(row, MtBenchPair, location, "model_1", "model_2")
    judge, prompt = _split_judge(parsed.judge, imported, location)
    models = (parsed.model_1, parsed.model_2)
    if imported.leave_out_self_comparison(models, location):
        return judge
    pair = ["pair", str(parsed.question_id), parsed.turn, judge, prompt]
    key, other_key = (compute_digest([*pair, *order]) for order in (models, models[::-1]))
    if parsed.winner is not None or parsed.m1_score is not None:
        vote = _make_single_winner_vote(parsed, (judge, prompt), key, location)
        preferred = {"both": _name_preferred(vote.models, vote.winner)}
        if _register_pair(key, [*pair, *sorted(models)], preferred, row, imported, location):
            imported.drop_judgments(key, other_key)
            imported.add_vote(vote, location)
            imported.keep_unmapped_fields("pair", key, row, render_single_winner_row(vote))
        return judge
    games = _make_games(parsed, (judge, prompt), key, location)
    preferred = {game.model_a: _name_preferred(game.models, game.verdict) for game in games}
    if _register_pair(key, [*pair, *sorted(models)], preferred, row, imported, location):
        imported.drop_judgments(other_key, compute_digest([other_key, "swapped"]))
        for game in games:
            imported.add_judgment(game, location)
        imported.keep_unmapped_fields("pair", key, row, render_pair_row(*games))
    return judge


def _register_pair(
    key: str,
    pair: list[Any],
    preferred: dict[str, str | None],
    row: JsonRow,
    imported: ImportedRecords,
    location: RowLocation,
) -> bool:
    """Return whether the row of a pair counts; the pair may stand again in the other order.

    Args:
        key: the key of the pair with its models in the order of the row.
        pair: what the pair is, in either order.
        preferred: the preferred model, or tie, or None, by the model shown first.
        row: the row.
        imported: the records so far.
        location: the place of the row.

    Raises:
        InputError: a row of the same pair, in either order, has another outcome.
    """
    is_scored = None not in preferred.values()
    is_new = imported.register_row("pair", key, row, location, is_scored=is_scored)
    return is_new and imported.register_row(
        "pair", compute_digest(["outcome", *pair]), preferred, location, is_scored=is_scored
    )


def _name_preferred(models: tuple[str, str], outcome: Winner | Verdict | None) -> str | None:
    """Return the preferred model, `tie`, or None without an outcome."""
    if outcome is None:
        return None
    names = {0.0: models[1], 0.5: "a tie", 1.0: models[0]}
    return names[outcome.points]


def add_vote(row: JsonRow, imported: ImportedRecords, location: RowLocation) -> str:
    """Add a vote and return the name of its judge, which is usually a person."""
    parsed = imported.read_row(row, MtBenchVote, location, "model_a", "model_b")
    winner = look_up_label(_VOTE_WINNERS, parsed.winner, "winner", location)
    judge, prompt = _split_judge(parsed.judge, imported, location)
    if _HUMAN_NAME.fullmatch(judge) or location.path.stem.startswith("human"):
        judge = f"{HUMAN_NAME_PREFIX}{judge}"
    if imported.leave_out_self_comparison((parsed.model_a, parsed.model_b), location):
        return judge
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
        if not is_human_judge(judge) and not imported.refuse_contradiction(vote, location):
            return judge
        imported.add_vote(vote, location)
        imported.keep_unmapped_fields("vote", vote.digest, row, render_vote_row(vote))
    return judge


def _make_games(
    parsed: MtBenchPair, judge_and_prompt: tuple[str, str], key: str, location: RowLocation
) -> tuple[PairwiseJudgment, PairwiseJudgment]:
    """Return both games of a pair. The row names models, which change places in the second game."""
    judge, prompt = judge_and_prompt
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


def _make_single_winner_vote(
    parsed: MtBenchPair, judge_and_prompt: tuple[str, str], key: str, location: RowLocation
) -> Vote:
    judge, prompt = judge_and_prompt
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


def _split_judge(
    judge: str | list[str], imported: ImportedRecords, location: RowLocation
) -> tuple[str, str]:
    """Return the name of a judge and of its prompt; the prompt of a person is empty."""
    names = [judge] if isinstance(judge, str) else judge
    if len(names) not in (1, 2):
        location.refuse(f"judge must be a name, or a name and a prompt, not {judge}")
    return imported.names.read(names[0]), names[1] if len(names) > 1 else ""
