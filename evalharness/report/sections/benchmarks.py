"""Standard benchmarks: bars with errors, agreement with the judge's ranks, and single examples."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalharness.report.numerals import figure, percent
from evalharness.report.templates import fill
from evalharness.stats.rank_correlation import RankCorrelation, spearman

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import BenchmarkSample, BenchmarkScore
    from evalharness.report.facts import Facts

PLACE = 50
TITLE = "Benchmarks"
_LONGEST_PROMPT = 1200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    """One model's figure: a width, and where its error begins and ends, as places on the drawing."""

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
        """Whether others measured it."""
        return bool(self.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plot:
    """The bars of one benchmark."""

    title: str
    basis: str
    bars: tuple[_Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Agreement:
    """How far a benchmark ranks the models as the judge does."""

    benchmark: str
    measure: str
    correlation: RankCorrelation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Example:
    """One example as all models did it."""

    benchmark: str
    task: str
    number: int
    left_out: int
    prompt: str
    target: str
    choices: tuple[str, ...]
    right: int | None
    samples: tuple[BenchmarkSample, ...]


def render(facts: Facts) -> str:
    """Return plots, tables and examples, or nothing when no benchmark was run."""
    scores = facts.records.benchmarks
    published = facts.records.manifest.get("published") or []
    if not scores and not published:
        return ""
    kinds = dict.fromkeys((s.benchmark, s.task, s.metric, s.few_shot) for s in scores)
    by_model = {(s.benchmark, s.task, s.metric, s.few_shot, s.model): s for s in scores}
    measured = {score.model for score in scores}
    models = [model for model in facts.models if model in measured]
    return fill(
        "sections/benchmarks",
        facts=facts,
        models=models,
        plots=[*_plots(facts, published), *_only_published(facts, published)],
        agreements=_agreements(facts),
        examples=_examples(facts.records.samples),
        rows=[(kind, [by_model.get((*kind, model)) for model in models]) for kind in kinds],
        versions=sorted({score.harness_version for score in scores}),
        has_published=bool(published),
    )


def _plots(facts: Facts, published: Sequence[Mapping[str, Any]]) -> list[_Plot]:
    groups: dict[tuple[str, str], list[BenchmarkScore]] = defaultdict(list)
    for score in facts.records.benchmarks:
        if score.headline:
            groups[score.suite, score.benchmark].append(score)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], item[0][0] != item[0][1]))
    return [
        _Plot(
            title=benchmark if benchmark != suite else f"{suite}: average",
            basis=_basis(scores),
            bars=(
                *(_measured(score, facts) for score in _ranked(scores)),
                *(
                    _of_others(each, facts)
                    for each in published
                    if (each["suite"], each["benchmark"]) == (suite, benchmark)
                ),
            ),
        )
        for (suite, benchmark), scores in ordered
    ]


def _only_published(facts: Facts, published: Sequence[Mapping[str, Any]]) -> list[_Plot]:
    """Return plots of what was not measured here."""
    measured = {(score.suite, score.benchmark) for score in facts.records.benchmarks}
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for each in published:
        if (each["suite"], each["benchmark"]) not in measured:
            groups[each["title"], each["suite"], each["benchmark"]].append(each)
    return [
        _Plot(
            title=title if benchmark == suite else f"{title}: {benchmark}",
            basis="published figures only",
            bars=tuple(
                _of_others(each, facts)
                for each in sorted(members, key=lambda each: -float(each["value"]))
            ),
        )
        for (title, suite, benchmark), members in groups.items()
    ]


def _ranked(scores: Sequence[BenchmarkScore]) -> list[BenchmarkScore]:
    return sorted(scores, key=lambda score: -score.value)


def _basis(scores: Sequence[BenchmarkScore]) -> str:
    """Return what a benchmark's figures are, with all that differs between models."""
    first = scores[0]
    counts = sorted({score.n for score in scores})
    shots = sorted({score.few_shot for score in scores})
    asked = {score.chat_template for score in scores}
    template = {frozenset({True}): ", chat template", frozenset({True, False}): ", partly chat"}
    return (
        f"{first.metric}, {_either(shots)}-shot, {_either(counts)} examples"
        f"{template.get(frozenset(asked), '')}"
    )


def _either(numbers: Sequence[int]) -> str:
    return " or ".join(f"{number:,}" for number in numbers)


def _measured(score: BenchmarkScore, facts: Facts) -> _Bar:
    error = score.stderr
    return _Bar(
        model=score.model,
        number=facts.number(score.model),
        width=_place(score.value),
        low=None if error is None else _place(score.value - error),
        high=None if error is None else _place(score.value + error),
        text=percent(score.value, 1),
        error="" if error is None else f"\N{PLUS-MINUS SIGN} {figure(100 * error, 1)}",
        normalized="" if score.normalized is None else f"{percent(score.normalized, 1)} normalized",
    )


def _of_others(told: Mapping[str, Any], facts: Facts) -> _Bar:
    value = float(told["value"])
    is_share = value <= 1
    return _Bar(
        model=told["model"],
        number=facts.number(told["model"]) if told["model"] in facts.models else 0,
        width=_place(value if is_share else value / 10),
        text=percent(value, 1) if is_share else figure(value, 2),
        source=told["source"],
        of=told["of"],
    )


def _place(share: float) -> str:
    return f"{100 * min(1.0, max(0.0, share)):.2f}%"


def _agreements(facts: Facts) -> list[_Agreement]:
    """Return each benchmark's rank correlation with the judge's ratings, or else with its scores."""
    rows = facts.leaderboard.rows
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
                level=facts.leaderboard.level,
            )
            found.append(_Agreement(benchmark=name, measure=measure, correlation=correlation))
    return found


def _examples(samples: Sequence[BenchmarkSample]) -> dict[str, list[_Example]]:
    """Return the examples of each benchmark, all models' replies to one beside each other."""
    groups: dict[tuple[str, str, int, str], list[BenchmarkSample]] = defaultdict(list)
    for sample in samples:
        groups[sample.benchmark, sample.task, sample.doc_id, sample.prompt].append(sample)
    found: dict[str, list[_Example]] = defaultdict(list)
    for (benchmark, task, number, prompt), members in groups.items():
        first = members[0]
        target = first.target
        found[benchmark].append(
            _Example(
                benchmark=benchmark,
                task=task,
                number=number,
                left_out=max(0, len(prompt) - _LONGEST_PROMPT),
                prompt=prompt[-_LONGEST_PROMPT:],
                target=target,
                choices=first.choices,
                right=int(target) if first.choices and target.isdigit() else None,
                samples=tuple(members),
            )
        )
    return found
