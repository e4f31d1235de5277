"""Read the manifest of a run, and check the type of each entry that evalharness reads again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from evalharness.analysis import DAMAGE
from evalharness.domain import RequestRules  # noqa: TC001 - msgspec reads the annotations
from evalharness.errors import InputError
from evalharness.store.object_files import read_json_object
from evalharness.store.text_files import refuse_special_file

if TYPE_CHECKING:
    from pathlib import Path

_Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
_Dollars = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class _UsageEntry(msgspec.Struct):
    calls: _Count | None = None
    prompt_tokens: _Count | None = None
    cached_tokens: _Count | None = None
    completion_tokens: _Count | None = None
    usd: _Dollars | None = None


class _RoleUsageEntry(_UsageEntry):
    by_model: dict[str, _UsageEntry] | None = None
    unpriced: list[str] | None = None


class _ImportEntry(msgspec.Struct):
    format: str
    files: dict[str, str]
    cautions: list[str] = []
    warnings: list[str] = []
    renamed: dict[str, str] = {}


class _PublishedEntry(msgspec.Struct):
    model: str
    of: str
    source: str
    suite: str
    benchmark: str
    title: str
    value: Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)]


class _Manifest(msgspec.Struct):
    command: str | None = None
    finished: str | None = None
    stopped: str | None = None
    stages: list[str] | None = None
    cautions: list[str] | None = None
    models: dict[str, dict[str, Any]] | None = None
    judges: dict[str, dict[str, Any]] | None = None
    usage: dict[str, _RoleUsageEntry] | None = None
    imported: list[_ImportEntry] | None = None
    published: list[_PublishedEntry] | None = None
    request_rules: dict[str, dict[str, RequestRules]] | None = None
    damage: str | None = None
    joined: None = None


def read_manifest_object(path: Path) -> dict[str, Any]:
    """Return the manifest in a file; empty if there is no file.

    A file that is no JSON object, as a full disk or a broken one leaves it, is replaced when the run goes
    on; until then, its manifest says only that it is damaged. Entries that evalharness only shows may
    have any type.

    Raises:
        InputError: an entry has a value that it cannot have, or the file cannot be read.
    """
    if not path.exists():
        return {}
    refuse_special_file(path)
    try:
        content = read_json_object(path)
    except InputError as error:
        return {DAMAGE: _describe_damage(error)}
    try:
        msgspec.convert(content, _Manifest)
    except msgspec.ValidationError as error:
        msg = f"{error}; restore the entry, or the file from a copy"
        raise InputError(msg, path=path) from error
    return content


def _describe_damage(error: InputError) -> str:
    """Return what a reader of the results must know about a damaged manifest."""
    reason = str(error).removeprefix(f"{error.path}: ").partition(";")[0]
    return (
        f"The run's manifest.json was damaged ({reason}). It is made again from the other files of "
        "the run: what servers refused, which attempts failed, and versions of earlier sessions are lost."
    )
