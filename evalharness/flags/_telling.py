"""What the flags on a run come to, in sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalharness.flags._records import FlagKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalharness.flags._records import Flags

_SAME = 0.5  # of the turns that two models answered
_FEW = 3  # flags on a model, up to which they are for the page's table only
_RARE = 0.02  # and their share of its answers

_SENTENCES = {
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


def cautions(found: Flags) -> Iterator[str]:
    """Yield what a reader must know before trusting a figure."""
    for pair in found.twins:
        if pair.share >= _SAME:
            yield (
                f"{pair.model_a} and {pair.model_b} gave the same answer in {pair.share:.0%} of "
                f"{pair.compared} turns: one model under two names, or a wrong endpoint?"
            )
    asked = {f.question_id for f in found.flags if f.kind is FlagKind.QUESTION_IN_CORPUS}
    if asked:
        yield f"{len(asked)} of {found.questions} questions stand in {corpus_of(found)}"
    counts = Counter((flag.kind, flag.model) for flag in found.flags)
    sources = {(flag.kind, flag.model): flag.source for flag in found.flags}
    for (kind, model), number in counts.items():
        every = found.answers.get(model or "", 0)
        if kind in _SENTENCES and number >= max(_FEW, _RARE * every):
            yield _SENTENCES[kind].format(
                model=model,
                number=number,
                all=every,
                corpus=corpus_of(found),
                source=sources[kind, model],
            )


def corpus_of(found: Flags) -> str:
    """Return the name of the corpus that was read."""
    return ", ".join(found.scan.corpus) if found.scan else "no corpus"
