"""Summarize the flags of a run in sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalharness.analysis.overlap.flag_records import FlagKind
from evalharness.domain import EmptyCause

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.analysis.overlap.flag_records import FlagReport

_MIN_SAME_SHARE = 0.5  # of the turns that both models answered
_MIN_FLAGS = 3  # per model and kind; fewer flags appear only in the page's table
_MIN_FLAG_SHARE = 0.02  # of the model's answers

_CAUTION_TEMPLATES = {
    FlagKind.ANSWER_IN_CORPUS: "{model}: {number} of {all} answered turns stand in {corpus}",
    FlagKind.ANSWER_IN_REFERENCE: "{model}: {number} of {all} answered turns repeat the reference",
    FlagKind.SAME_REPLY: "{model} gave the same reply to several questions in {number} of {all} turns",
    FlagKind.EMPTY: "{model}: {number} of {all} answered turns are empty",
    FlagKind.NAMES_ITSELF: (
        "{model} says who it is or who made it in {number} of {all} turns: no judge is blind there"
    ),
    FlagKind.NAMES_ANOTHER: (
        "{model} says that it is another model, or another's, in {number} of {all} turns "
        "({source}): judges may believe it, and it tells what it was trained on"
    ),
}


def list_flag_cautions(report: FlagReport) -> Iterator[str]:
    """Yield a sentence for each finding that a reader must know before using a figure."""
    for pair in report.twins:
        if pair.share >= _MIN_SAME_SHARE:
            yield (
                f"{pair.model_a} and {pair.model_b} gave the same answer in {pair.share:.0%} of "
                f"{pair.compared} turns: one model under two names, or a wrong endpoint?"
            )
    questions = {
        flag.question_id for flag in report.flags if flag.kind is FlagKind.QUESTION_IN_CORPUS
    }
    if questions:
        yield f"{len(questions)} of {report.questions} questions stand in {format_corpus_name(report)}"
    counts = Counter(
        (flag.kind, flag.model)
        for flag in report.flags
        # The leaderboard has cautions of its own about other causes of empty answers.
        if flag.kind is not FlagKind.EMPTY or flag.source == EmptyCause.EMPTY
    )
    sources = {(flag.kind, flag.model): flag.source for flag in report.flags}
    for (kind, model), number in counts.items():
        answers = report.answers.get(model or "", 0)
        if kind in _CAUTION_TEMPLATES and number >= max(_MIN_FLAGS, _MIN_FLAG_SHARE * answers):
            yield _CAUTION_TEMPLATES[kind].format(
                model=model,
                number=number,
                all=answers,
                corpus=format_corpus_name(report),
                source=sources[kind, model],
            )


def format_corpus_name(report: FlagReport) -> str:
    """Return the names of the searched corpus."""
    return ", ".join(report.scan.corpus) if report.scan else "no corpus"
