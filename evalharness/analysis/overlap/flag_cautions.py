"""What the flags on a run come to, in sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalharness.analysis.overlap.flag_records import FlagKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.analysis.overlap.flag_records import FlagReport

_MIN_SAME_SHARE = 0.5  # of the turns that two models answered
_MIN_FLAGS = 3  # flags on a model, up to which they are for the page's table only
_MIN_FLAG_SHARE = 0.02  # and their share of its answers

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


def list_flag_cautions(found: FlagReport) -> Iterator[str]:
    """Yield what a reader must know before trusting a figure."""
    for pair in found.twins:
        if pair.share >= _MIN_SAME_SHARE:
            yield (
                f"{pair.model_a} and {pair.model_b} gave the same answer in {pair.share:.0%} of "
                f"{pair.compared} turns: one model under two names, or a wrong endpoint?"
            )
    asked = {f.question_id for f in found.flags if f.kind is FlagKind.QUESTION_IN_CORPUS}
    if asked:
        yield f"{len(asked)} of {found.questions} questions stand in {format_corpus_name(found)}"
    counts = Counter((flag.kind, flag.model) for flag in found.flags)
    sources = {(flag.kind, flag.model): flag.source for flag in found.flags}
    for (kind, model), number in counts.items():
        every = found.answers.get(model or "", 0)
        if kind in _CAUTION_TEMPLATES and number >= max(_MIN_FLAGS, _MIN_FLAG_SHARE * every):
            yield _CAUTION_TEMPLATES[kind].format(
                model=model,
                number=number,
                all=every,
                corpus=format_corpus_name(found),
                source=sources[kind, model],
            )


def format_corpus_name(found: FlagReport) -> str:
    """Return the name of the corpus that was read."""
    return ", ".join(found.scan.corpus) if found.scan else "no corpus"
