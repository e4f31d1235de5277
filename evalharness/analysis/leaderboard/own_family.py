"""Report judges that gave no judgments of models of their own family."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalharness.domain import RunRecords


def list_excluded_families(records: RunRecords) -> tuple[str, ...]:
    """Return a sentence for each judge whose own family the run's settings exclude."""
    config = records.config
    if not _config_section(config, "judging").get("exclude_own_family"):
        return ()
    models = {str(name): conf for name, conf in _config_section(config, "models").items()}
    notes = []
    for judge in _iterate_judge_configs(config):
        family = _config_section(judge, "model").get("family")
        own = [name for name, conf in models.items() if family and conf.get("family") == family]
        if own:
            notes.append(
                f"The judge {judge.get('name')} gave no judgment about {', '.join(own)}, which "
                f"is of its own family ({family})."
            )
    return tuple(notes)


def _iterate_judge_configs(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the configuration of each judge."""
    yield _config_section(config, "judge")
    for name in _config_section(config, "panel"):
        yield _config_section(_config_section(config, "panel"), name)


def _config_section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a section of the configuration; empty if it is absent."""
    part = config.get(name)
    return part if isinstance(part, Mapping) else {}
