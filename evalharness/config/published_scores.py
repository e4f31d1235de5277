"""Figures that others published of the models that are configured here, each with its source."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScore:
    """One figure.

    Attributes:
        model: as it is called here.
        of: the model, in the source's words: its version may not be the configured one.
        benchmark: what was measured; a benchmark of a suite is called as here.
        suite: the suite that it belongs to.
        title: what readers know that as.
        value: a share of 1, or a grade from 1 to 10.
    """

    model: str
    of: str
    benchmark: str
    suite: str
    title: str
    value: float
    source: str


def read_published_scores(folder: Path, models: Iterable[str]) -> list[PublishedScore]:
    """Return what is published of these models, by suite.

    Args:
        folder: holds a YAML file a suite.
        models: their names.
    """
    wanted = list(models)
    found: list[PublishedScore] = []
    for path in sorted(folder.glob("*.yaml")):
        suite: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        for model in wanted:
            told = suite["figures"].get(model)
            for benchmark, value in told["values"].items() if told else ():
                found.append(
                    PublishedScore(
                        model=model,
                        of=told["of"],
                        benchmark=benchmark,
                        suite=suite["name"],
                        title=suite["title"],
                        value=round(value * suite["unit"], 6),
                        source=told.get("source") or suite["source"],
                    )
                )
    return found


def published_scores_content(found: Iterable[PublishedScore]) -> list[dict[str, Any]]:
    """Return figures as plain content for a run's manifest."""
    return [asdict(each) for each in found]
