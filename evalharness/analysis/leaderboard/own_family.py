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
        families = judge.model.families
        own = [model for model in config.models.values() if model.families & families]
        if own:
            common = (
                families.intersection(*[model.families & families for model in own]) or families
            )
            notes.append(
                f"The judge {judge.name} gave no judgment about "
                f"{', '.join(model.name for model in own)}, which "
                f"is of its own family ({', '.join(sorted(common))})."
            )
    return tuple(notes)
