"""Read scores that were published for the configured models, each with its source."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScore:
    """A published score of a model on a benchmark.

    Attributes:
        model: the name of the model in this configuration.
        of: the name of the model in the source; it can be another version than the configured one.
        benchmark: the name of the benchmark, as in the suite.
        suite: the name of the suite of benchmarks.
        title: the title of the suite for readers.
        value: the score: a proportion from 0 to 1, or a grade from 1 to 10.
        source: where the score was published.
    """

    model: str
    of: str
    benchmark: str
    suite: str
    title: str
    value: float
    source: str


def read_published_scores(folder: Path, models: Iterable[str]) -> list[PublishedScore]:
    """Return the published scores of these models, ordered by suite and by model.

    Args:
        folder: the folder with one YAML file per suite.
        models: the names of the models.
    """
    names = list(models)
    scores: list[PublishedScore] = []
    for path in sorted(folder.glob("*.yaml")):
        suite: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        for model in names:
            entry = suite["figures"].get(model)
            for benchmark, value in entry["values"].items() if entry else ():
                scores.append(
                    PublishedScore(
                        model=model,
                        of=entry["of"],
                        benchmark=benchmark,
                        suite=suite["name"],
                        title=suite["title"],
                        value=round(value * suite["unit"], 6),
                        source=entry.get("source") or suite["source"],
                    )
                )
    return scores


def published_scores_content(scores: Iterable[PublishedScore]) -> list[dict[str, Any]]:
    """Return the scores as plain dicts, as the manifest of a run stores them."""
    return [asdict(score) for score in scores]
