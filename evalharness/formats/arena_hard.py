"""Arena-Hard-Auto: questions, answers, and games in both orders against a baseline.

Since April 2025 (v2):

    question.jsonl                   {"uid", "category", "prompt"}
    model_answer/MODEL.jsonl         {"uid", "model", "messages": [{"role", "content"}, ...]}
    model_judgment/JUDGE/MODEL.jsonl {"uid", "judge", "model", "baseline", "games": [g0, g1]}

Before (v0.1) a question is `{"question_id", "category", "turns": [{"content"}]}`, an answer has
`choices`, and a judgment names no baseline: it was gpt-4-0314. In game 0 the baseline is shown
first, in game 1 the model. `A>>B` is kept as a plain A here; Arena-Hard counts it three times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from evalharness.domain import PairwiseJudgment, Question, Verdict, digest
from evalharness.formats.rows.imported_records import (
    UNSCORED_IN_SOURCE,
    ImportedRecords,
    look_up_label,
)
from evalharness.formats.rows.row_kinds import read_rows_of_kind, sort_files_by_kind
from evalharness.formats.rows.row_reader import convert_row
from evalharness.formats.rows.row_writer import lines, make_file_name
from evalharness.formats.rows.unmapped_fields import make_answer_key, pair_games

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.imported_records import RowLocation
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
_GAMES = 2


class _ArenaHardText(msgspec.Struct):
    content: str


class _ArenaHardQuestion(msgspec.Struct):
    category: str
    uid: str | None = None
    question_id: str | None = None
    prompt: str | None = None
    turns: list[_ArenaHardText] = []


class _ArenaHardReply(msgspec.Struct):
    answer: str


class _ArenaHardMessage(msgspec.Struct):
    role: str
    content: str | _ArenaHardReply


class _ArenaHardChoice(msgspec.Struct):
    turns: list[_ArenaHardText]


class _ArenaHardAnswer(msgspec.Struct):
    uid: str | None = None
    question_id: str | None = None
    model: str | None = None
    model_id: str | None = None
    messages: list[_ArenaHardMessage] = []
    choices: list[_ArenaHardChoice] = []


class _ArenaHardGame(msgspec.Struct):
    score: str | None = None
    judgment: str | _ArenaHardReply | None = None


class _ArenaHardJudgment(msgspec.Struct):
    judge: str
    model: str
    games: list[_ArenaHardGame | None]
    uid: str | None = None
    question_id: str | None = None
    baseline: str | None = None


def read(paths: Sequence[Path]) -> ImportedRecords:
    """Return what questions, answers and judgments of either version hold.

    Raises:
        InputError: a file is not as it should be.
        ConfigError: a path does not exist.
    """
    gathering = ImportedRecords("arena-hard")
    readers = {"question": _read_questions, "answer": _read_answers, "games": _read_games}
    files = sort_files_by_kind(paths, ".jsonl", _kind, gathering)
    for kind, read_file in readers.items():
        for path in files.get(kind, ()):
            read_file(path, gathering)
    return gathering.finish()


def write(records: RunRecords, source: SourceRows) -> dict[str, bytes]:
    """Return a run's first turns and their games as Arena-Hard's files (v2 where they are ours)."""
    files: dict[str, list[JsonRow]] = {}
    for question in records.questions:
        row = source.restore("question", question.question_id, _question_row(question))
        files.setdefault("question.jsonl", []).append(row)
    questions = {question.question_id: question for question in records.questions}
    for answer in (answer for answer in records.answers if answer.sample == 0):
        key = make_answer_key(answer.model, answer.question_id)
        turns = [turn.text for turn in answer.turns]
        rendered = _answer_row(questions.get(answer.question_id), answer.model, key, turns)
        rendered = {"uid": answer.question_id} | rendered
        row = source.restore("answer", key, rendered)
        files.setdefault(f"model_answer/{make_file_name(answer.model)}.jsonl", []).append(row)
    games = (game for game in records.games if game.turn == 1 and game.sample == 0)
    for first, second in pair_games(games, source, "games"):
        row = source.restore("games", first.digest, _games_row(first, second))
        name = f"model_judgment/{make_file_name(first.judge)}/{make_file_name(first.model_b)}.jsonl"
        files.setdefault(name, []).append(row)
    return {name: lines(found) for name, found in files.items()}


def _kind(row: JsonRow, _path: Path) -> str | None:
    if "games" in row:
        return "games"
    if "messages" in row or "choices" in row:
        return "answer"
    return "question" if "category" in row and ("prompt" in row or "turns" in row) else None


def _read_questions(path: Path, gathering: ImportedRecords) -> None:
    for at, row in read_rows_of_kind("question", path, _kind):
        given = convert_row(row, _ArenaHardQuestion, path, at.line)
        question_id = _id(given.uid, given.question_id, at)
        texts = [given.prompt] if given.prompt is not None else [t.content for t in given.turns]
        question = Question(question_id=question_id, category=given.category, turns=tuple(texts))
        if gathering.is_new("question", question_id, row, at):
            gathering.add_question(question, at)
            gathering.keep_beyond("question", question_id, row, _question_row(question))


def _read_answers(path: Path, gathering: ImportedRecords) -> None:
    model, others = path.stem, set()
    for at, row in read_rows_of_kind("answer", path, _kind):
        given = convert_row(row, _ArenaHardAnswer, path, at.line)
        question_id = _id(given.uid, given.question_id, at)
        said_model = given.model or given.model_id or ""
        if make_file_name(said_model) != model:
            others.add(said_model)
        key = make_answer_key(model, question_id)
        if not gathering.is_new("answer", key, row, at):
            continue
        texts = _texts(given)
        gathering.add_answer(question_id, model, texts, at)
        question = gathering.questions.get(question_id)
        rendered = {"uid": question_id} | _answer_row(question, model, key, texts)
        gathering.keep_beyond("answer", key, row, rendered)
    if others:
        said = f"its model is {', '.join(sorted(others))}"
        gathering.warnings.append(f"{path}: {said}; the file's name, {model}, is taken")


def _texts(given: _ArenaHardAnswer) -> list[str]:
    """Return the replies of an answer of either version."""
    if given.choices:
        return [turn.content for turn in given.choices[0].turns]
    return [
        message.content if isinstance(message.content, str) else message.content.answer
        for message in given.messages
        if message.role == "assistant"
    ]


def _read_games(path: Path, gathering: ImportedRecords) -> None:
    others, assumed, short = set(), 0, 0
    for at, row in read_rows_of_kind("games", path, _kind):
        given = convert_row(row, _ArenaHardJudgment, path, at.line)
        if make_file_name(given.model) != path.stem:
            others.add(given.model)
        baseline = given.baseline or BASELINE_BEFORE_V2
        question_id = _id(given.uid, given.question_id, at)
        key = digest(["games", question_id, given.judge, baseline, given.model])
        if not gathering.is_new("games", key, row, at):
            continue
        if not 1 <= len(given.games) <= _GAMES:
            at.refuse(f"{len(given.games)} games: must be one or two")
        assumed += given.baseline is None
        short += len(given.games) < _GAMES
        played = _play(given, question_id, baseline, key, at)
        for game in played:
            gathering.add_judgment(game, at)
        rendered = _games_row(played[0], played[1] if len(played) == _GAMES else None)
        gathering.keep_beyond("games", key, row, rendered)
        if any(game and ">>" in (game.score or "") for game in given.games):
            gathering.cautions = [STRONG_VERDICTS_CAUTION]
    for said in (
        f"its model is {', '.join(sorted(others))}, which the file's name does not say"
        * bool(others),
        f"no baseline is named; taken as {BASELINE_BEFORE_V2}" * bool(assumed),
        f"{short} rows hold one game only and make no battle" * bool(short),
    ):
        if said:
            gathering.warnings.append(f"{path}: {said}")


def _play(
    given: _ArenaHardJudgment, question_id: str, baseline: str, key: str, at: RowLocation
) -> list[PairwiseJudgment]:
    """Return the games of a row; the baseline is shown first in the first one."""
    orders = ((baseline, given.model, key), (given.model, baseline, digest([key, "swapped"])))
    played = []
    for game, (first, second, place) in zip(given.games, orders, strict=False):
        said = game.judgment if game else None
        verdict = look_up_label(_VERDICTS, game.score if game else None, "score", at)
        played.append(
            PairwiseJudgment(
                question_id=question_id,
                turn=1,
                judge=given.judge,
                prompt=PROMPT,
                model_a=first,
                model_b=second,
                verdict=verdict,
                unscored=UNSCORED_IN_SOURCE if verdict is None else None,
                reply=said.answer if isinstance(said, _ArenaHardReply) else said or "",
                digest=place,
            )
        )
    return played


def _id(uid: str | None, question_id: str | None, at: RowLocation) -> str:
    found = uid or question_id
    if not found:
        at.refuse("neither uid nor question_id")
    return found


def _question_row(question: Question) -> dict[str, Any]:
    return {
        "uid": question.question_id,
        "category": question.category,
        "prompt": question.turns[0],
    }


def _answer_row(
    question: Question | None, model: str, key: str, texts: Sequence[str]
) -> dict[str, Any]:
    asked = question.turns if question else ("",) * len(texts)
    said = [
        message
        for turn, text in zip(asked, texts, strict=False)
        for message in (
            {"role": "user", "content": turn},
            {"role": "assistant", "content": {"answer": text}},
        )
    ]
    return {"ans_id": key, "model": model, "messages": said}


def _games_row(first: PairwiseJudgment, second: PairwiseJudgment | None) -> dict[str, Any]:
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
