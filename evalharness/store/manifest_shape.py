"""Read the manifest of a run, and check the type of each entry that evalharness reads again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from evalharness.domain import RequestRules  # noqa: TC001 - msgspec reads the annotations
from evalharness.errors import InputError
from evalharness.store.object_files import read_json_object

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
    joined: None = None


def read_manifest_object(path: Path) -> dict[str, Any]:
    """Return the manifest in a file; empty if there is no file.

    Entries that evalharness only shows may have any type.

    Raises:
        InputError: the file is damaged, or an entry has a value that it cannot have.
    """
    if not path.exists():
        return {}
    content = read_json_object(path)
    try:
        msgspec.convert(content, _Manifest)
    except msgspec.ValidationError as error:
        msg = f"{error}; restore the entry, or the file from a copy"
        raise InputError(msg, path=path) from error
    return content
