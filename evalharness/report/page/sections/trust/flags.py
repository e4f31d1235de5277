"""Show flags on answers: copied, repeated or empty answers, and answers that name a model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalharness.analysis import FlagKind, build_leaderboard, format_corpus_name
from evalharness.judge import collect_battles
from evalharness.report.number_format import (
    ABSENT,
    format_count,
    format_list,
    format_number,
    format_percent,
    format_quantity,
    format_rank,
)
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalharness.analysis import Flag, FlagReport
    from evalharness.domain import RunRecords
    from evalharness.report.page.page_data import PageData


MAX_SHOWN_FLAGS = 100
MAX_SAME_ANSWER_FLAGS = 6
"""The most flags on answers that two models share; the line of the pair has their number."""

_LABEL_BY_KIND = {
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
_LEAK_KINDS = (FlagKind.QUESTION_IN_CORPUS, FlagKind.REFERENCE_IN_CORPUS)
_MIN_LEAKED_QUESTIONS = 3
"""The number of leaked questions from which on the page shows the ranks without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _FlagRow:
    """A row of text."""

    name: str
    cells: tuple[str, ...]


def render_flags(data: PageData) -> str:
    """Return the flags, or a line about the search without flags; nothing without answers."""
    found = data.flags
    if found is None or not found.answers:
        return ""
    kinds = [kind for kind in _LABEL_BY_KIND if any(flag.kind is kind for flag in found.flags)]
    counts = Counter((flag.model, flag.kind) for flag in found.flags)
    leaked = dict.fromkeys(flag.question_id for flag in found.flags if flag.kind in _LEAK_KINDS)
    shown = _shown_flags(found.flags)
    return fill_template(
        "sections/trust/flags",
        found=found,
        looked_for=_describe_search(found),
        headings=[_LABEL_BY_KIND[kind] for kind in kinds if kind not in _LEAK_KINDS],
        counts=[
            _FlagRow(
                name=model,
                cells=tuple(
                    format_count(counts[model, kind]) for kind in kinds if kind not in _LEAK_KINDS
                ),
            )
            for model in data.models
            if any(counts[model, kind] for kind in kinds)
        ],
        twins=sorted(found.twins, key=lambda pair: -pair.share)[:MAX_SHOWN_FLAGS],
        flags=[(flag, _LABEL_BY_KIND[flag.kind], _format_extent(flag)) for flag in shown],
        hidden=len(found.flags) - len(shown),
        overlaps=[
            _FlagRow(
                name=row.model,
                cells=(
                    row.against,
                    format_count(row.texts),
                    format_percent(row.share, 2),
                    format_percent(row.chance, 2),
                    format_number(row.typical),
                    format_count(row.longest),
                ),
            )
            for row in found.overlaps
        ],
        leaked=len(leaked),
        without=_ranks_without_leaked(data, set(leaked))
        if len(leaked) >= _MIN_LEAKED_QUESTIONS
        else [],
    )


def _describe_search(found: FlagReport) -> str:
    """Return a sentence about what the search covered."""
    answers = sum(found.answers.values())
    parts = ["answers that models share, give to several questions or leave empty"]
    parts += ["models that say who they are or who made them"]
    if found.references:
        parts.append(f"{format_quantity(found.references, 'reference')} in the answers")
    if found.scan:
        parts.append(
            f"questions, references and answers in {format_corpus_name(found)} "
            f"({format_quantity(found.scan.files, 'file')}, {_format_bytes(found.scan.size)})"
        )
    absent = "" if found.scan else " No corpus was read: report RUN --corpus PATH reads one."
    return f"Checked {format_quantity(answers, 'answered turn')} for: {format_list(parts)}.{absent}"


def _format_bytes(size: int) -> str:
    return (
        f"{format_number(size / 1e6, 1)} MB"
        if size >= _MEGABYTE
        else f"{format_number(size / 1e3, 1)} kB"
    )


def _shown_flags(flags: Sequence[Flag]) -> list[Flag]:
    """Return the flags that the page shows; flags on shared answers come last."""
    same = [flag for flag in flags if flag.kind is FlagKind.SAME_ANSWER]
    single = [flag for flag in flags if flag.kind is not FlagKind.SAME_ANSWER]
    return [*single[: MAX_SHOWN_FLAGS - MAX_SAME_ANSWER_FLAGS], *same[:MAX_SAME_ANSWER_FLAGS]]


def _format_extent(flag: Flag) -> str:
    if flag.words is None:
        return ABSENT
    return f"{format_quantity(flag.words, 'word')}, {format_percent(flag.share)}"


def _ranks_without_leaked(data: PageData, leaked: set[str]) -> list[_FlagRow]:
    """Return the rank and figure of each model over all questions, and over those that did not leak."""
    records = data.records
    rest = _without_questions(records, leaked)
    board = build_leaderboard(rest, collect_battles(rest), seed=records.config.seed)
    after = {row.model: row for row in board.rows}
    lines = []
    for row in data.leaderboard.rows:
        now = after.get(row.model)
        cells = (
            format_rank(row.rank, row.rating, row.score),
            format_rank(now.rank, now.rating, now.score) if now else ABSENT,
        )
        lines.append(_FlagRow(name=row.model, cells=cells))
    return lines


def _without_questions(records: RunRecords, leaked: set[str]) -> RunRecords:
    """Return the records of a run without some questions."""
    return replace(
        records,
        questions=tuple(each for each in records.questions if each.question_id not in leaked),
        answers=tuple(each for each in records.answers if each.question_id not in leaked),
        graded=tuple(each for each in records.graded if each.question_id not in leaked),
        games=tuple(each for each in records.games if each.question_id not in leaked),
        votes=tuple(each for each in records.votes if each.question_id not in leaked),
        failures=tuple(each for each in records.failures if each.question_id not in leaked),
    )


SECTION = Section(address="flags", place=58, title="Flags on answers", render=render_flags)
