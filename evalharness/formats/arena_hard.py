"""Read and render Arena-Hard-Auto's files: questions, answers, and games against a baseline.

Since April 2025 (v2):

    question.jsonl                   {"uid", "category", "prompt"}
    model_answer/MODEL.jsonl         {"uid", "model", "messages": [{"role", "content"}, ...]}
    model_judgment/JUDGE/MODEL.jsonl {"uid", "judge", "model", "baseline", "games": [g0, g1]}

Before (v0.1) a question is `{"question_id", "category", "turns": [{"content"}]}`, an answer has
`choices`, and a judgment names no baseline: the baseline was gpt-4-0314. Game 0 shows the baseline
first, game 1 shows the model first. `A>>B` is kept as a plain A; Arena-Hard counts it three times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.domain import PairwiseJudgment, Question, Verdict, compute_digest, normalize_name
from evalharness.formats.interface import Format
from evalharness.formats.rows.arena_hard_rows import (
    ArenaHardAnswer,
    ArenaHardJudgment,
    ArenaHardQuestion,
    ArenaHardReply,
    find_question_id,
    read_replies,
)
from evalharness.formats.rows.imported_records import UNSCORED_IN_SOURCE, ImportedRecords
from evalharness.formats.rows.row_kinds import read_rows_of_kind, sort_files_by_kind
from evalharness.formats.rows.row_reader import look_up_label
from evalharness.formats.rows.row_writer import ExportedFiles, encode_json_lines, make_file_name
from evalharness.formats.rows.unmapped_fields import make_answer_key, pair_games

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.row_location import RowLocation
    from evalharness.formats.rows.row_reader import JsonRow
    from evalharness.formats.rows.unmapped_fields import SourceRows

BASELINE_BEFORE_V2 = "gpt-4-0314"
PROMPT = "arena-hard"
STRONG_VERDICTS_CAUTION = (
    "Arena-Hard counts strong verdicts (>>) three times; here each counts as one."
)

_VERDICTS = {
    "A>>B": Verdict.A,
    "A>B": Verdict.A,
    "A=B": Verdict.TIE,
    "B>A": Verdict.B,
    "B>>A": Verdict.B,
    None: None,
}
_SCORES = {Verdict.A: "A>B", Verdict.TIE: "A=B", Verdict.B: "B>A", None: None}
_GAMES_PER_ROW = 2


def add_arena_hard(paths: Sequence[Path], imported: ImportedRecords) -> None:
    """Add the records in files of questions, answers and judgments of either version.

    Raises:
        InputError: a file is damaged.
        ConfigError: a path does not exist.
    """
    readers = {"question": _read_questions, "answer": _read_answers, "games": _read_games}
    files = sort_files_by_kind(paths, ".jsonl", _classify_row, imported)
    for kind, read_file in readers.items():
        for path in files.get(kind, ()):
            read_file(path, imported)


def render_arena_hard(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return the first turns of a run and their games as files; rows not imported are of v2."""
    files = ExportedFiles(source)
    for question in records.questions:
        rendered = _render_question(question)
        files.add_row("question.jsonl", "question", question.question_id, rendered)
    questions = {question.question_id: question for question in records.questions}
    for answer in (answer for answer in records.answers if answer.sample == 0):
        key = make_answer_key(answer.model, answer.question_id)
        texts = [turn.text for turn in answer.turns]
        question_or_none = questions.get(answer.question_id)
        rendered = _render_answer(answer.question_id, question_or_none, answer.model, texts)
        files.add_row(f"model_answer/{make_file_name(answer.model)}.jsonl", "answer", key, rendered)
    games = (game for game in records.games if game.turn == 1 and game.sample == 0)
    for first, second in pair_games(games, source, "games"):
        judge, model = make_file_name(first.judge), make_file_name(first.model_b)
        rendered = _render_games(first, second)
        files.add_row(f"model_judgment/{judge}/{model}.jsonl", "games", first.digest, rendered)
    return files.encode(encode_json_lines)


FORMAT = Format(name="arena-hard", add_files=add_arena_hard, render_files=render_arena_hard)


def _classify_row(row: JsonRow, _path: Path) -> str | None:
    if "games" in row:
        return "games"
    if "messages" in row or "choices" in row:
        return "answer"
    return "question" if "category" in row and ("prompt" in row or "turns" in row) else None


def _read_questions(path: Path, imported: ImportedRecords) -> None:
    for location, row in read_rows_of_kind("question", path, _classify_row):
        parsed = imported.read_row(row, ArenaHardQuestion, location)
        question_id = find_question_id(parsed, location)
        texts = (
            [parsed.prompt]
            if parsed.prompt is not None
            else [turn.content for turn in parsed.turns]
        )
        question = Question(question_id=question_id, category=parsed.category, turns=tuple(texts))
        if imported.register_row("question", question_id, row, location):
            imported.add_question(question, location)
            imported.keep_unmapped_fields("question", question_id, row, _render_question(question))


def _read_answers(path: Path, imported: ImportedRecords) -> None:
    model, other_names = imported.names.read(path.stem), set()
    for location, row in read_rows_of_kind("answer", path, _classify_row):
        parsed = imported.read_row(row, ArenaHardAnswer, location)
        question_id = find_question_id(parsed, location)
        named_model = parsed.model or parsed.model_id or ""
        if make_file_name(normalize_name(named_model)) != normalize_name(path.stem):
            other_names.add(named_model)
        key = make_answer_key(model, question_id)
        if not imported.register_row("answer", key, row, location):
            continue
        texts = read_replies(parsed)
        imported.add_answer(question_id, model, texts, location)
        question = imported.questions.get(question_id)
        rendered = _render_answer(question_id, question, model, texts)
        imported.keep_unmapped_fields("answer", key, row, rendered)
    if other_names:
        reason = f"its model is {', '.join(sorted(other_names))}"
        imported.warnings.append(f"{path}: {reason}; the file's name, {path.stem}, is taken")


def _read_games(path: Path, imported: ImportedRecords) -> None:
    other_names, without_baseline, single_games = set(), 0, 0
    for location, row in read_rows_of_kind("games", path, _classify_row):
        parsed = imported.read_row(row, ArenaHardJudgment, location, "model", "judge", "baseline")
        if make_file_name(normalize_name(row["model"])) != normalize_name(path.stem):
            other_names.add(parsed.model)
        baseline = parsed.baseline or imported.names.read(BASELINE_BEFORE_V2)
        if imported.leave_out_self_comparison((baseline, parsed.model), location):
            continue
        question_id = find_question_id(parsed, location)
        key = compute_digest(["games", question_id, parsed.judge, baseline, parsed.model])
        is_scored = all(game and game.score for game in parsed.games)
        if not imported.register_row("games", key, row, location, is_scored=is_scored):
            continue
        if not 1 <= len(parsed.games) <= _GAMES_PER_ROW:
            location.refuse(f"{len(parsed.games)} games: must be one or two")
        without_baseline += parsed.baseline is None
        single_games += len(parsed.games) < _GAMES_PER_ROW
        games = _make_games(parsed, question_id, baseline, key, location)
        for game in games:
            imported.add_judgment(game, location)
        rendered = _render_games(games[0], games[1] if len(games) == _GAMES_PER_ROW else None)
        imported.keep_unmapped_fields("games", key, row, rendered)
        if any(game and ">>" in (game.score or "") for game in parsed.games):
            imported.cautions = [STRONG_VERDICTS_CAUTION]
    names = ", ".join(sorted(other_names))
    remarks = {
        f"its model is {names}, which the file's name does not say": bool(other_names),
        f"no baseline is named; taken as {BASELINE_BEFORE_V2}": bool(without_baseline),
        f"{single_games} rows hold one game only and make no battle": bool(single_games),
    }
    imported.warnings += [f"{path}: {remark}" for remark, applies in remarks.items() if applies]


def _make_games(
    parsed: ArenaHardJudgment, question_id: str, baseline: str, key: str, location: RowLocation
) -> list[PairwiseJudgment]:
    """Return the games of a row; the first one shows the baseline first."""
    orders = (
        (baseline, parsed.model, key),
        (parsed.model, baseline, compute_digest([key, "swapped"])),
    )
    games = []
    for game, (first, second, game_key) in zip(parsed.games, orders, strict=False):
        reply = game.judgment if game else None
        verdict = look_up_label(_VERDICTS, game.score if game else None, "score", location)
        games.append(
            PairwiseJudgment(
                question_id=question_id,
                turn=1,
                judge=parsed.judge,
                prompt=PROMPT,
                model_a=first,
                model_b=second,
                verdict=verdict,
                unscored=UNSCORED_IN_SOURCE if verdict is None else None,
                reply=reply.answer if isinstance(reply, ArenaHardReply) else reply or "",
                digest=game_key,
            )
        )
    return games


def _render_question(question: Question) -> dict[str, Any]:
    return {
        "uid": question.question_id,
        "category": question.category,
        "prompt": question.turns[0],
    }


def _render_answer(
    question_id: str, question: Question | None, model: str, texts: Sequence[str]
) -> dict[str, Any]:
    turns = question.turns if question else ("",) * len(texts)
    messages = [
        message
        for turn, text in zip(turns, texts, strict=False)
        for message in (
            {"role": "user", "content": turn},
            {"role": "assistant", "content": {"answer": text}},
        )
    ]
    return {
        "uid": question_id,
        "ans_id": make_answer_key(model, question_id),
        "model": model,
        "messages": messages,
    }


def _render_games(first: PairwiseJudgment, second: PairwiseJudgment | None) -> dict[str, Any]:
    games = [first, second] if second else [first]
    return {
        "uid": first.question_id,
        "category": PROMPT,
        "judge": first.judge,
        "model": first.model_b,
        "baseline": first.model_a,
        "games": [
            {"score": _SCORES[game.verdict], "judgment": {"answer": game.reply}} for game in games
        ],
    }
