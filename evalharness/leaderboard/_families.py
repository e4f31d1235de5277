"""Which judges gave no judgment about models of their own family, said in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalharness.domain import RunRecords


def spared_families(records: RunRecords) -> tuple[str, ...]:
    """Return a sentence for each judge whose own family was left out by the run's settings."""
    config = records.config
    if not _part(config, "judging").get("exclude_own_family"):
        return ()
    models = {str(name): conf for name, conf in _part(config, "models").items()}
    notes = []
    for judge in _judges(config):
        family = _part(judge, "model").get("family")
        own = [name for name, conf in models.items() if family and conf.get("family") == family]
        if own:
            notes.append(
                f"The judge {judge.get('name')} gave no judgment about {', '.join(own)}, which "
                f"is of its own family ({family})."
            )
    return tuple(notes)


def _judges(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield _part(config, "judge")
    for name in _part(config, "panel"):
        yield _part(_part(config, "panel"), name)


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = config.get(name)
    return part if isinstance(part, Mapping) else {}
