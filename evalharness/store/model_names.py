"""Check that the models of a run's configuration have the names that the run's answers have."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from evalharness.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from evalharness.domain import Answer, RunConfig


def check_model_names(config: RunConfig, answers: Iterable[Answer], path: Path) -> RunConfig:
    """Return the configuration, whose names are those of the answers.

    A run asks only models of its configuration. Under another name, a model would be in the tables twice:
    with its answers, and as one that was never asked.

    Args:
        config: the configuration of a run.
        answers: the answers of the run.
        path: the file of the configuration.

    Raises:
        InputError: two models have one name, or an answer is of a model that the configuration calls
            otherwise.
    """
    models: Mapping[str, object] = config.tree.get("models") or {}
    if not isinstance(models, dict) or not models:
        return config
    names = {
        str(key): str((conf.get("name") if isinstance(conf, dict) else None) or key)
        for key, conf in models.items()
    }
    repeated = [name for name, count in Counter(names.values()).items() if count > 1]
    if repeated:
        keys = ", ".join(f"models.{key}" for key, name in names.items() if name == repeated[0])
        msg = f"{keys} have the same name {repeated[0]!r}; names must differ"
        raise InputError(msg, path=path)
    answered = {answer.model for answer in answers}
    unknown = sorted(answered - set(names.values()))
    if unknown:
        key = (
            unknown[0]
            if unknown[0] in names
            else next(
                (key for key, name in names.items() if name not in answered), next(iter(names))
            )
        )
        msg = (
            f"models.{key}.name={names[key]!r}, but {unknown[0]!r} has answers here and no model "
            "has that name; restore the name with which the answers were made"
        )
        raise InputError(msg, path=path)
    return config
