"""Show standard benchmarks: scores with errors, agreement with the judge, and single examples."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.report.number_format import format_number, format_percent
from evalharness.report.page.section import Section
from evalharness.report.page.templates import fill_template
from evalharness.stats import RankCorrelation, spearman

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import BenchmarkSample, BenchmarkScore
    from evalharness.report.page.page_data import PageData

_MAX_PROMPT_CHARACTERS = 1200


@dataclass(frozen=True, slots=True, kw_only=True)
class _BenchmarkBar:
    """The score of one model; `width`, `low` and `high` are positions on the drawing.

    For published scores, `source` is the publication, and `of` the model in the publication.
    """

    model: str
    number: int
    width: str
    low: str | None = None
    high: str | None = None
    text: str
    error: str = ""
    normalized: str = ""
    source: str = ""
    of: str = ""

    @property
    def is_published(self) -> bool:
        """Whether the score is a published one."""
        return bool(self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class _BenchmarkPlot:
    """The bars of one benchmark."""

    title: str
    basis: str
    bars: tuple[_BenchmarkBar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _RankAgreement:
    """The rank correlation of a benchmark with the judge."""

    benchmark: str
    measure: str
    correlation: RankCorrelation


@dataclass(frozen=True, slots=True, kw_only=True)
class _BenchmarkExample:
    """One example with the replies of all models."""

    benchmark: str
    task: str
    number: int
    left_out: int
    prompt: str
    target: str
    choices: tuple[str, ...]
    right: int | None
    samples: tuple[BenchmarkSample, ...]


def render_benchmarks(data: PageData) -> str:
    """Return plots, tables and examples, or nothing without benchmarks."""
    scores = data.records.benchmarks
    published = data.records.manifest.get("published") or []
    if not scores and not published:
        return ""
    kinds = dict.fromkeys((s.benchmark, s.task, s.metric, s.few_shot) for s in scores)
    by_model = {(s.benchmark, s.task, s.metric, s.few_shot, s.model): s for s in scores}
    measured = {score.model for score in scores}
    models = [model for model in data.models if model in measured]
    return fill_template(
        "sections/ranking/benchmarks",
        data=data,
        models=models,
        plots=[*_measured_plots(data, published), *_published_plots(data, published)],
        agreements=_rank_agreements(data),
        examples=_examples_by_benchmark(data.records.samples),
        rows=[(kind, [by_model.get((*kind, model)) for model in models]) for kind in kinds],
        versions=sorted({score.harness_version for score in scores}),
        has_published=bool(published),
    )


def _measured_plots(data: PageData, published: Sequence[Mapping[str, Any]]) -> list[_BenchmarkPlot]:
    groups: dict[tuple[str, str], list[BenchmarkScore]] = defaultdict(list)
    for score in data.records.benchmarks:
        if score.headline:
            groups[score.suite, score.benchmark].append(score)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], item[0][0] != item[0][1]))
    return [
        _BenchmarkPlot(
            title=benchmark if benchmark != suite else f"{suite}: average",
            basis=_describe_basis(scores),
            bars=(
                *(_measured_bar(score, data) for score in _best_first(scores)),
                *(
                    _published_bar(each, data)
                    for each in published
                    if (each["suite"], each["benchmark"]) == (suite, benchmark)
                ),
            ),
        )
        for (suite, benchmark), scores in ordered
    ]


def _published_plots(
    data: PageData, published: Sequence[Mapping[str, Any]]
) -> list[_BenchmarkPlot]:
    """Return plots of benchmarks with published scores only."""
    measured = {(score.suite, score.benchmark) for score in data.records.benchmarks}
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for each in published:
        if (each["suite"], each["benchmark"]) not in measured:
            groups[each["title"], each["suite"], each["benchmark"]].append(each)
    return [
        _BenchmarkPlot(
            title=title if benchmark == suite else f"{title}: {benchmark}",
            basis="published figures only",
            bars=tuple(
                _published_bar(each, data)
                for each in sorted(members, key=lambda each: -float(each["value"]))
            ),
        )
        for (title, suite, benchmark), members in groups.items()
    ]


def _best_first(scores: Sequence[BenchmarkScore]) -> list[BenchmarkScore]:
    return sorted(scores, key=lambda score: -score.value)


def _describe_basis(scores: Sequence[BenchmarkScore]) -> str:
    """Return the metric, the shots and the number of examples, with all values that occur."""
    first = scores[0]
    counts = sorted({score.n for score in scores})
    shots = sorted({score.few_shot for score in scores})
    asked = {score.chat_template for score in scores}
    template = {frozenset({True}): ", chat template", frozenset({True, False}): ", partly chat"}
    return (
        f"{first.metric}, {_alternatives(shots)}-shot, {_alternatives(counts)} examples"
        f"{template.get(frozenset(asked), '')}"
    )


def _alternatives(numbers: Sequence[int]) -> str:
    return " or ".join(f"{number:,}" for number in numbers)


def _measured_bar(score: BenchmarkScore, data: PageData) -> _BenchmarkBar:
    error = score.stderr
    return _BenchmarkBar(
        model=score.model,
        number=data.model_number(score.model),
        width=_width_percent(score.value),
        low=None if error is None else _width_percent(score.value - error),
        high=None if error is None else _width_percent(score.value + error),
        text=format_percent(score.value, 1),
        error="" if error is None else f"\N{PLUS-MINUS SIGN} {format_number(100 * error, 1)}",
        normalized=""
        if score.normalized is None
        else f"{format_percent(score.normalized, 1)} normalized",
    )


def _published_bar(published: Mapping[str, Any], data: PageData) -> _BenchmarkBar:
    value = float(published["value"])
    is_share = value <= 1
    return _BenchmarkBar(
        model=published["model"],
        number=data.model_number(published["model"]) if published["model"] in data.models else 0,
        width=_width_percent(value if is_share else value / 10),
        text=format_percent(value, 1) if is_share else format_number(value, 2),
        source=published["source"],
        of=published["of"],
    )


def _width_percent(share: float) -> str:
    return f"{100 * min(1.0, max(0.0, share)):.2f}%"


def _rank_agreements(data: PageData) -> list[_RankAgreement]:
    """Return each benchmark's rank correlation with the judge's ratings, or with its scores."""
    rows = data.leaderboard.rows
    rated = {row.model: row.rating for row in rows if row.rating is not None}
    scored = {row.model: row.score for row in rows if row.score is not None}
    measure, judged = ("ratings", rated) if len(rated) > 1 else ("scores", scored)
    found = []
    for name in dict.fromkeys(name for row in rows for name in row.benchmarks):
        both = [row for row in rows if row.model in judged and name in row.benchmarks]
        if len(both) > 1:
            correlation = spearman(
                [judged[row.model] for row in both],
                [row.benchmarks[name] for row in both],
                level=data.leaderboard.level,
            )
            found.append(_RankAgreement(benchmark=name, measure=measure, correlation=correlation))
    return found


def _examples_by_benchmark(
    samples: Sequence[BenchmarkSample],
) -> dict[str, list[_BenchmarkExample]]:
    """Return the examples of each benchmark, each with the replies of all models."""
    groups: dict[tuple[str, str, int, str], list[BenchmarkSample]] = defaultdict(list)
    for sample in samples:
        groups[sample.benchmark, sample.task, sample.doc_id, sample.prompt].append(sample)
    found: dict[str, list[_BenchmarkExample]] = defaultdict(list)
    for (benchmark, task, number, prompt), members in groups.items():
        first = members[0]
        target = first.target
        found[benchmark].append(
            _BenchmarkExample(
                benchmark=benchmark,
                task=task,
                number=number,
                left_out=max(0, len(prompt) - _MAX_PROMPT_CHARACTERS),
                prompt=prompt[-_MAX_PROMPT_CHARACTERS:],
                target=target,
                choices=first.choices,
                right=int(target) if first.choices and target.isdigit() else None,
                samples=tuple(members),
            )
        )
    return found


SECTION = Section(address="benchmarks", place=50, title="Benchmarks", render=render_benchmarks)
