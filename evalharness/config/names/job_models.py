"""The models of each job of a sweep, and the overrides that concern them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.config.names.resolution import ModelNames
from evalharness.config.names.spellings import list_spellings, replace_model_key
from evalharness.config.names.weights_folders import expand_path
from evalharness.config.names.written_name import split_jobs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalharness.config.names.model_choice import ModelChoice

_PLACE = "models"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobModels:
    """The models of one job.

    Attributes:
        names: the names, as they are written.
        choices: what they stand for.
        spellings: the key of each model by the names that overrides may use.
    """

    names: tuple[str, ...]
    choices: tuple[ModelChoice, ...]
    spellings: Mapping[str, str]

    @property
    def value(self) -> str:
        """The models as the value of `models=`, without its brackets."""
        return ",".join(self.names)

    @property
    def label(self) -> str:
        """The names as a part of a path."""
        return re.sub(r"[^\w.-]+", "+", self.value).strip("+.")

    def select_overrides(self, overrides: Sequence[str]) -> list[str]:
        """Return the overrides without those of other models' settings."""
        own = {choice.option for choice in self.choices}
        return [
            each
            for each in overrides
            if not each.lstrip("+~").startswith("models.")
            or replace_model_key(each, self.spellings).split(".")[1].partition("=")[0] in own
        ]

    def list_renamed(self, names: Mapping[str, str]) -> dict[str, str]:
        """Return the names in tables that differ from what this job alone would give its models.

        Args:
            names: the names in tables in the run with all models, by key.
        """
        return {
            choice.option: names[choice.option]
            for choice in self.choices
            if names[choice.option] != choice.name
        }


def plan_job_models(value: str, config_dir: Path | None = None) -> tuple[JobModels, ...]:
    """Return the models of each job of a sweep: `a,b`, or `[a,b],[c]`.

    A path with `*` alone makes a job for each of its checkpoints.

    Args:
        value: the value of `models=`.
        config_dir: the user's own configuration files.

    Raises:
        ConfigError: a name means no model.
    """
    names = ModelNames(config_dir)
    groups = []
    for group in split_jobs(value):
        expanded = [each for name in group for each in expand_path(name, _PLACE)]
        groups += [[each] for each in expanded] if len(group) == 1 else [expanded]
    return tuple(_describe_job(group, names, config_dir) for group in groups)


def _describe_job(group: Sequence[str], names: ModelNames, config_dir: Path | None) -> JobModels:
    choices = tuple(choice for name in group for choice in names.resolve(name, _PLACE))
    return JobModels(
        names=tuple(group), choices=choices, spellings=list_spellings(choices, config_dir)
    )
