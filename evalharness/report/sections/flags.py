"""What a reader should look at in the answers: copied, said twice, empty, or naming a model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalharness import leaderboard, settle
from evalharness.flags import FlagKind, corpus_of
from evalharness.report.numerals import ABSENT, count, counted, figure, listed, percent
from evalharness.report.templates import fill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.domain import RunRecords
    from evalharness.flags import Flag, Flags
    from evalharness.report.facts import Facts

PLACE = 58
TITLE = "Flags on answers"

MOST_SHOWN = 100
EXAMPLES = 6
"""Answers shown of those that two models have in common: the pair's own line says how many."""

_WORDS = {
    FlagKind.QUESTION_IN_CORPUS: "question stands in the corpus",
    FlagKind.REFERENCE_IN_CORPUS: "reference stands in the corpus",
    FlagKind.ANSWER_IN_CORPUS: "stands in the corpus",
    FlagKind.ANSWER_IN_REFERENCE: "repeats the reference",
    FlagKind.SAME_ANSWER: "another model's answer too",
    FlagKind.SAME_REPLY: "one reply to several questions",
    FlagKind.EMPTY: "empty",
    FlagKind.NAMES_ITSELF: "says who it is",
    FlagKind.NAMES_ANOTHER: "says it is another",
}
_MEGABYTE = 1e6
_LEAKS = (FlagKind.QUESTION_IN_CORPUS, FlagKind.REFERENCE_IN_CORPUS)
_SEVERAL = 3
"""Leaked questions from which on the page says how the table looks without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A row of text."""

    name: str
    cells: tuple[str, ...]


def render(facts: Facts) -> str:
    """Return the flags, or a line on what was looked for; nothing where nobody answered."""
    found = facts.flags
    if found is None or not found.answers:
        return ""
    kinds = [kind for kind in _WORDS if any(flag.kind is kind for flag in found.flags)]
    counts = Counter((flag.model, flag.kind) for flag in found.flags)
    leaked = dict.fromkeys(flag.question_id for flag in found.flags if flag.kind in _LEAKS)
    shown = _shown(found.flags)
    return fill(
        "sections/flags",
        found=found,
        looked_for=_looked_for(found),
        headings=[_WORDS[kind] for kind in kinds if kind not in _LEAKS],
        counts=[
            _Line(
                name=model,
                cells=tuple(count(counts[model, kind]) for kind in kinds if kind not in _LEAKS),
            )
            for model in facts.models
            if any(counts[model, kind] for kind in kinds)
        ],
        twins=sorted(found.twins, key=lambda pair: -pair.share)[:MOST_SHOWN],
        flags=[(flag, _WORDS[flag.kind], _extent(flag)) for flag in shown],
        hidden=len(found.flags) - len(shown),
        overlaps=[
            _Line(
                name=row.model,
                cells=(
                    row.against,
                    count(row.texts),
                    percent(row.share, 2),
                    percent(row.chance, 2),
                    figure(row.typical),
                    count(row.longest),
                ),
            )
            for row in found.overlaps
        ],
        leaked=len(leaked),
        without=_without(facts, set(leaked)) if len(leaked) >= _SEVERAL else [],
    )


def _looked_for(found: Flags) -> str:
    """Return a sentence on what was looked for, found or not."""
    answers = sum(found.answers.values())
    parts = ["answers that models share, give to several questions or leave empty"]
    parts += ["models that say who they are or who made them"]
    if found.references:
        parts.append(f"{counted(found.references, 'reference')} in the answers")
    if found.scan:
        parts.append(
            f"questions, references and answers in {corpus_of(found)} "
            f"({counted(found.scan.files, 'file')}, {_size(found.scan.size)})"
        )
    absent = "" if found.scan else " No corpus was read: report RUN --corpus PATH reads one."
    return f"Looked for in {counted(answers, 'answered turn')}: {listed(parts)}.{absent}"


def _size(size: int) -> str:
    return f"{figure(size / 1e6, 1)} MB" if size >= _MEGABYTE else f"{figure(size / 1e3, 1)} kB"


def _shown(flags: Sequence[Flag]) -> list[Flag]:
    """Return the flags that the page shows, single ones first."""
    same = [flag for flag in flags if flag.kind is FlagKind.SAME_ANSWER]
    single = [flag for flag in flags if flag.kind is not FlagKind.SAME_ANSWER]
    return [*single[: MOST_SHOWN - EXAMPLES], *same[:EXAMPLES]]


def _extent(flag: Flag) -> str:
    if flag.words is None:
        return ABSENT
    return f"{counted(flag.words, 'word')}, {percent(flag.share)}"


def _without(facts: Facts, leaked: set[str]) -> list[_Line]:
    """Return each model's place and figure by all questions, and by those that did not leak."""
    records = facts.records
    rest = _only(records, leaked)
    board = leaderboard.build(rest, settle.battles_of(rest), seed=records.config.get("seed", 0))
    after = {row.model: row for row in board.rows}
    lines = []
    for row in facts.leaderboard.rows:
        now = after.get(row.model)
        cells = (
            _place(row.rank, row.rating, row.score),
            _place(now.rank, now.rating, now.score) if now else ABSENT,
        )
        lines.append(_Line(name=row.model, cells=cells))
    return lines


def _only(records: RunRecords, leaked: set[str]) -> RunRecords:
    """Return the records of the questions that did not leak."""
    return replace(
        records,
        questions=tuple(each for each in records.questions if each.question_id not in leaked),
        answers=tuple(each for each in records.answers if each.question_id not in leaked),
        graded=tuple(each for each in records.graded if each.question_id not in leaked),
        games=tuple(each for each in records.games if each.question_id not in leaked),
        votes=tuple(each for each in records.votes if each.question_id not in leaked),
        failures=tuple(each for each in records.failures if each.question_id not in leaked),
    )


def _place(rank: int | None, rating: float | None, score: float | None) -> str:
    if rank is None:
        return ABSENT
    return f"{rank} ({figure(rating) if rating is not None else figure(score, 2)})"
