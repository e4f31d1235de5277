"""Define what a format is, and find the formats by their names.

A format is a module of this folder. It is named like the format, with underscores, and has one
object, `FORMAT`, with a function that reads the format's files and a function that renders them.
Both use the module's own rendering of a record as a row. What an imported row holds beyond that
rendering is kept as `UnmappedFields` and restored on export, so that import and export lose nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness.errors import ConfigError, suggest_close_match
from evalharness.formats.rows.imported_records import ImportedRecords

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalharness.domain import RunRecords
    from evalharness.formats.rows.unmapped_fields import SourceRows

    FileReader = Callable[[Sequence[Path], ImportedRecords], None]
    FileRenderer = Callable[[RunRecords, SourceRows], dict[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """The files of another tool.

    Attributes:
        name: the name that users type.
        add_files: adds the checked records in files and folders to imported records. It writes
            nothing. It raises InputError if a file is damaged, and ConfigError if a path does not
            exist or holds nothing of this format.
        render_files: returns the files that hold a run's records: their contents by their names
            inside a folder. It raises ConfigError if the format cannot hold them.
        needs_run: whether the records refer to answers that a run must already hold.
    """

    name: str
    add_files: FileReader
    render_files: FileRenderer
    needs_run: bool = False

    def read_files(
        self, paths: Sequence[Path], renames: Mapping[str, str] | None = None
    ) -> ImportedRecords:
        """Return the checked records in files and folders.

        Args:
            paths: files and folders.
            renames: the new names of models and judges, by their names in the files.

        Raises:
            InputError: a file is damaged.
            ConfigError: a path does not exist, there are no records of this format, or a name
                that is to be changed is not there.
        """
        imported = ImportedRecords(self.name, renames, needs_run=self.needs_run)
        self.add_files(paths, imported)
        return imported.complete()


def list_formats() -> tuple[str, ...]:
    """Return the names of all formats."""
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    names = (module.name for module in modules if not module.ispkg)
    return tuple(name.replace("_", "-") for name in names if name != Path(__file__).stem)


def find_format(name: str) -> Format:
    """Return the format with a name.

    Raises:
        ConfigError: there is no format with this name.
    """
    if name not in list_formats():
        msg = f"there is no format {name!r}{suggest_close_match(name, list_formats())}; "
        raise ConfigError(msg + f"there are {', '.join(list_formats())}")
    module = importlib.import_module(f"{__package__}.{name.replace('-', '_')}")
    found: Format = module.FORMAT
    return found
