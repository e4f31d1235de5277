"""Collect what a reader must know before trusting a leaderboard, each sentence with its source."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.analysis.judge_health.drift_report import list_drift_cautions
from evalharness.analysis.judge_health.health_text import list_health_cautions
from evalharness.analysis.leaderboard.completeness import count_empty_turns
from evalharness.analysis.leaderboard.planned_work import DAMAGE
from evalharness.analysis.leaderboard.refused_fields import (
    list_refused_judge_cautions,
    list_refused_model_cautions,
)
from evalharness.analysis.leaderboard.served_models import (
    list_served_judge_cautions,
    list_served_model_cautions,
)
from evalharness.analysis.overlap.flag_cautions import list_flag_cautions
from evalharness.domain import EmptyCause, describe_name_variants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evalharness.analysis.judge_health.drift_report import DriftReport
    from evalharness.analysis.judge_health.health_measures import HealthCard
    from evalharness.analysis.leaderboard.rank_variants import RankRobustness
    from evalharness.analysis.leaderboard.run_progress import RunProgress
    from evalharness.analysis.overlap.flag_records import FlagReport
    from evalharness.domain import Judgment, RunRecords, Vote


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """A sentence that a reader of the leaderboard must see.

    Attributes:
        source: the subject: `run`, `answers`, `judge`, `import`, `ratings`, `scores`, `judgments`,
            `panel`, `labels`, `audit`, `drift`, `flags` or `robustness`.
        sentence: the sentence, ready to be printed.
    """

    source: str
    sentence: str

    def __str__(self) -> str:
        """Return the caution as a line of text."""
        return f"caution ({self.source}): {self.sentence}"


def collect_cautions(
    records: RunRecords,
    table: Iterable[Caution] = (),
    *,
    health: Sequence[HealthCard] = (),
    drift: Sequence[DriftReport] = (),
    flags: FlagReport | None = None,
    robustness: RankRobustness | None = None,
    progress: RunProgress | None = None,
) -> tuple[Caution, ...]:
    """Return every caution about a run once, in the order in which a reader needs them.

    Args:
        records: the run; its configuration and manifest carry cautions of users and imports.
        table: what the estimates of the leaderboard say about themselves.
        health: the health cards of the run's judges; several where runs were merged.
        drift: the drift reports of the run's judges.
        flags: the flags on the run's answers.
        robustness: the ranks under alternative analyses.
        progress: how much of its work the run has done.
    """
    found = [
        *_label("run", [progress.caution] if progress and progress.stopped else ()),
        *list_run_cautions(records),
        *_label("run", _list_name_cautions(records)),
        *_label("run", _list_superseded_cautions(records)),
        *_label("answers", _list_empty_cautions(records)),
        *_label("answers", list_served_model_cautions(records)),
        *_label("judge", list_served_judge_cautions(records)),
        *_label("answers", list_refused_model_cautions(records)),
        *_label("judge", list_refused_judge_cautions(records)),
        *table,
        *_label("audit", (each for card in health for each in list_health_cautions(card))),
        *_label("drift", (each for report in drift for each in list_drift_cautions(report))),
        *_label("flags", list_flag_cautions(flags) if flags else ()),
        *_label("robustness", [robustness.alarm] if robustness and robustness.alarm else ()),
    ]
    first = {each.sentence: each for each in reversed(found)}
    return tuple(each for each in found if first[each.sentence] is each)


def list_run_cautions(records: RunRecords) -> tuple[Caution, ...]:
    """Return the cautions of a run's configuration and manifest, each with its source.

    The manifest of a finished run lists them all; a run without one has those of its
    configuration.
    """
    by_judge = {
        str(judge.tree["caution"]): "judge"
        for judge in records.config.judges
        if judge.tree.get("caution")
    }
    by_import = {
        str(sentence): "import"
        for each in records.manifest.get("imported") or ()
        for sentence in each.get("cautions") or ()
    }
    sources = by_import | by_judge
    sentences = (
        *(records.config.tree.get("cautions") or ()),
        *(records.manifest.get("cautions") or ()),
        *filter(None, (records.manifest.get(DAMAGE),)),
        *sources,
    )
    return tuple(
        Caution(source=sources.get(sentence, "run"), sentence=sentence)
        for sentence in dict.fromkeys(map(str, sentences))
    )


def _list_name_cautions(records: RunRecords) -> Iterator[str]:
    """Yield a sentence for each group of models, or of judges, whose names differ only in case."""
    judged: list[Judgment | Vote] = [*records.judgments, *records.votes]
    models = {answer.model for answer in records.answers} | set(records.config.models)
    models |= {model for each in judged for model in each.models}
    for sentence in (
        *describe_name_variants(sorted(models), "models"),
        *describe_name_variants(sorted({each.judge for each in judged}), "judges"),
    ):
        yield f"{sentence}."


_EMPTY_DESCRIPTIONS = {
    EmptyCause.THOUGHT_ONLY: (
        "ended inside the thought, before any answer: raise the sampling.max_tokens of this model"
    ),
    EmptyCause.REFUSAL: "were refused by the model or its server",
}


def _list_superseded_cautions(records: RunRecords) -> Iterator[str]:
    """Yield a sentence on judgments of tasks that were judged again under another digest."""
    if records.superseded:
        yield (
            f"{records.superseded:,} judgments do not count: the run holds a later judgment by the same "
            "judge and prompt of the same answers in the same order, made with other settings or by "
            "another release."
        )


def _list_empty_cautions(records: RunRecords) -> Iterator[str]:
    """Yield a sentence for each model whose turns ended without an answer for a known cause."""
    turns = Counter(answer.model for answer in records.answers for _ in answer.turns)
    for model, causes in count_empty_turns(records).items():
        for cause, description in _EMPTY_DESCRIPTIONS.items():
            if number := causes[cause]:
                yield f"{model}: {number} of {turns[model]} answered turns {description}"


def label_cautions(**sentences: Iterable[str]) -> tuple[Caution, ...]:
    """Return sentences as cautions, each from the source that its keyword names."""
    return tuple(each for source, own in sentences.items() for each in _label(source, own))


def _label(source: str, sentences: Iterable[str]) -> Iterator[Caution]:
    return (Caution(source=source, sentence=sentence) for sentence in sentences)
