"""Report judges that gave no judgments of models of their own family."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalharness.domain import RunRecords


def list_excluded_families(records: RunRecords) -> tuple[str, ...]:
    """Return a sentence for each judge that the settings exclude from judging its own family."""
    config = records.config
    if not config.judging.exclude_own_family:
        return ()
    notes = []
    for judge in config.judges:
        family = judge.model.family
        own = [model.name for model in config.models.values() if family and model.family == family]
        if own:
            notes.append(
                f"The judge {judge.name} gave no judgment about {', '.join(own)}, which "
                f"is of its own family ({family})."
            )
    return tuple(notes)
