"""Find the files that define lm-eval's tasks, groups and tags, without importing lm-eval.

lm-eval parses all of its fourteen thousand YAML files for this, which takes tens of seconds. This
module only searches for names; lm-eval then loads the required files from their own folders.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evalharness.errors import ConfigError, InputError, suggest_close_match
from evalharness.store import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

INSTALL_COMMAND = "pip install 'evalharness[benchmarks]'"
_NAMED = re.compile(
    r"""^["']?(task|group)["']?\s*:\s*["']?([\w.:\-]+)["']?\s*(#.*)?$""", re.MULTILINE
)
_TAGGED = re.compile(
    r"""^["']?tag["']?\s*:\s*(?:["']?([\w.\-]+)["']?\s*$|((?:\n\s*-\s*["']?[\w.\-]+["']?\s*)+))""",
    re.MULTILINE,
)
_ITEM = re.compile(r"""-\s*["']?([\w.\-]+)""")


class TaskIndex:
    """The names that the user's own folders and lm-eval define."""

    def __init__(self, own: Sequence[Path]) -> None:
        """Take the user's own folders, whose names take precedence over lm-eval's."""
        self._own = own

    def find_tasks(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the configurations of the tasks of a task, group or tag, by their names.

        Each configuration has the key `_file` with the path of its file.

        Raises:
            ConfigError: the name does not exist; the message has close matches.
        """
        found: dict[str, dict[str, Any]] = {}
        for path, config in self._definitions(name, ()):
            if "group" not in config:
                found[str(config.get("task", name))] = config | {"_file": path}
        return found

    def find_folders(self, name: str) -> list[Path]:
        """Return the folders of all files of a task, group or tag.

        Raises:
            ConfigError: the name does not exist; the message has close matches.
        """
        files = (path for path, _ in self._definitions(name, ()))
        return list(dict.fromkeys(path.parent for path in files))

    def _definitions(
        self, name: str, above: tuple[str, ...]
    ) -> Iterator[tuple[Path, dict[str, Any]]]:
        if name in above:
            return
        names = self._find_names(name)
        if names is None:
            where = f" (in group {above[-1]})" if above else ""
            msg = f"benchmarks: lm-eval has no task, group or tag {name!r}{where}"
            raise ConfigError(msg + suggest_close_match(name, self._list_names()))
        if name not in names.files:
            yield from _find_tagged_tasks(name, names.tagged[name])
            return
        config = read_task_config(names.files[name])
        yield names.files[name], config
        for child in _group_members(config):
            if isinstance(child, str):
                yield from self._definitions(child, (*above, name))
            else:  # a group defined inside a group
                for inner in _group_members(child):
                    yield from self._definitions(str(inner), (*above, name))

    def _find_names(self, name: str) -> _FolderNames | None:
        """Return the names of the first folder that defines a name; likely folders are searched first."""
        for folder in self._own:
            if name in (names := _scan_folder(folder)):
                return names
        lm_eval_folder = find_lm_eval_folder()
        for folder in (*_likely_folders(lm_eval_folder, name), lm_eval_folder):
            if name in (names := _scan_folder(folder)):
                return names
        return None

    def _list_names(self) -> list[str]:
        found = [_scan_folder(folder) for folder in (*self._own, find_lm_eval_folder())]
        return [name for names in found for name in (*names.files, *names.tagged)]


@dataclass(frozen=True, slots=True)
class _FolderNames:
    """The names that one folder defines.

    Attributes:
        files: the file of each task or group.
        tagged: the files with each tag.
    """

    files: Mapping[str, Path]
    tagged: Mapping[str, Sequence[Path]]

    def __contains__(self, name: str) -> bool:
        return name in self.files or name in self.tagged


def index_tasks(folders: Sequence[Path] = ()) -> TaskIndex:
    """Return the index of the names in these folders and in lm-eval.

    Raises:
        ConfigError: lm-eval is not installed, or a folder does not exist.
    """
    for folder in folders:
        if not folder.is_dir():
            msg = f"benchmarks.folders: there is no folder {folder}"
            raise ConfigError(msg)
    find_lm_eval_folder()
    _scan_folder.cache_clear()
    return TaskIndex(folders)


def list_folder_tasks(folder: Path) -> list[str]:
    """Return the tasks and groups that a folder defines, without the members of its groups."""
    names = _scan_folder(folder)
    members = {
        str(each)
        for path in names.files.values()
        for each in _group_members(read_task_config(path))
    }
    return [name for name in names.files if name not in members]


def find_lm_eval_folder() -> Path:
    """Return the folder of lm-eval's own tasks, without importing it.

    Raises:
        ConfigError: lm-eval is not installed; the message has the command that installs it.
    """
    package = importlib.util.find_spec("lm_eval")
    places = package.submodule_search_locations if package else None
    if not places:
        msg = f"benchmarks need lm-eval, which is not installed: {INSTALL_COMMAND}"
        raise ConfigError(msg)
    return Path(next(iter(places))) / "tasks"


def read_task_config(path: Path, including: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return the content of a task's YAML file and the files it includes; functions stay names.

    Args:
        path: the file.
        including: the files that include this one.

    Raises:
        InputError: the file is not a task of lm-eval, or includes itself.
    """
    if path.resolve() in including:
        msg = "this file includes itself"
        raise InputError(msg, path=path)
    try:
        content = read_yaml(path, _yaml_loader(), allows_repeated_keys=True)
    except FileNotFoundError as error:
        msg = "there is no such file, though a task includes it"
        raise InputError(msg, path=path) from error
    if not isinstance(content, dict):
        msg = "not a task: it must be a mapping with task: or group:"
        raise InputError(msg, path=path)
    included: dict[str, Any] = {}
    names = content.pop("include", [])
    for name in [names] if isinstance(names, str) else names:
        included |= read_task_config(path.parent / name, (*including, path.resolve()))
    return included | content


def _likely_folders(lm_eval_folder: Path, name: str) -> list[Path]:
    """Return lm-eval's folders whose names are the beginning of a name, the longest first."""
    words = name.split("_")
    beginnings = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    return [
        lm_eval_folder / beginning
        for beginning in beginnings
        if (lm_eval_folder / beginning).is_dir()
    ]


@lru_cache(maxsize=32)
def _scan_folder(folder: Path) -> _FolderNames:
    files: dict[str, Path] = {}
    tagged: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.yaml")):
        text = path.read_text(encoding="utf-8", errors="replace")
        named = [found[2] for found in _NAMED.finditer(text)]
        # The file of a group has both words; its `task` is a list and does not match.
        for name in named[:1]:
            files.setdefault(name, path)
        for found in _TAGGED.finditer(text):
            for tag in [found[1]] if found[1] else _ITEM.findall(found[2]):
                tagged.setdefault(tag, []).append(path)
    return _FolderNames(files, tagged)


def _find_tagged_tasks(tag: str, files: Sequence[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the tasks with a tag; a file also has the tags of the files that it includes."""
    for folder in dict.fromkeys(path.parent for path in files):
        for path in sorted(folder.glob("*.yaml")):
            config = read_task_config(path)
            tags = config.get("tag") or []
            if tag in ([tags] if isinstance(tags, str) else tags) and "group" not in config:
                yield path, config


def _group_members(config: Mapping[str, Any]) -> list[Any]:
    """Return the names in a group, and the groups that it defines itself."""
    if "group" not in config:
        return []
    members = config.get("task") or []
    found: list[Any] = []
    for member in [members] if isinstance(members, str) else members:
        if isinstance(member, str) or isinstance(member.get("task"), list):
            found.append(member)
        else:
            found.append(str(member.get("task") or member.get("group")))
    return found


@lru_cache(maxsize=1)
def _yaml_loader() -> type[yaml.SafeLoader]:
    """Return a safe loader that reads lm-eval's `!function` as text."""
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc, valid-type]
        """A safe loader with one more tag."""

    Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
    return Loader
