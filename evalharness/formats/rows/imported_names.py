"""Read the names of models and judges in one spelling, and rename them as the user says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalharness.domain import describe_name_variants, normalize_name
from evalharness.errors import ConfigError, suggest_close_match

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAX_LISTED = 20


class ImportedNames:
    """The names of models and judges in the files of an import."""

    def __init__(self, renames: Mapping[str, str]) -> None:
        """Begin without names.

        Args:
            renames: the new names of models and judges, by their names in the files.
        """
        self._renames = {normalize_name(old): normalize_name(new) for old, new in renames.items()}
        self._found: dict[str, set[str]] = {}

    def read(self, written: str) -> str:
        """Return the name that a file writes: normalized, and renamed if the user says so."""
        name = normalize_name(written)
        self._found.setdefault(name, set()).add(written)
        return self._renames.get(name, name)

    def refuse_unused_renames(self) -> None:
        """Check that every renamed name is in the files.

        Raises:
            ConfigError: a name is not there.
        """
        for old, new in self._renames.items():
            if old not in self._found:
                known = sorted(self._found)
                msg = f"--rename {old}={new}: these files name no {old!r}"
                msg += f"{suggest_close_match(old, known)}; they name "
                more = f" and {len(known) - _MAX_LISTED} more" if len(known) > _MAX_LISTED else ""
                raise ConfigError(msg + ", ".join(known[:_MAX_LISTED]) + more)

    def describe_spellings(self) -> list[str]:
        """Return a sentence on the names that the files write in several ways."""
        merged = sorted(name for name, written in self._found.items() if len(written) > 1)
        if not merged:
            return []
        listed = ", ".join(merged[:_MAX_LISTED])
        cause = "some rows have outer spaces or another Unicode form"
        return [f"written in several ways ({cause}), and each one name: {listed}"]


def describe_imported_variants(models: Iterable[str], judges: Iterable[str]) -> list[str]:
    """Return sentences on names that differ only in case, with the option that joins them."""
    sentences = (
        *describe_name_variants(models, "models"),
        *describe_name_variants(judges, "judges"),
    )
    return [f"{sentence}; --rename OLD=NEW makes them one" for sentence in sentences]
