"""Replace the names of models in the keys of overrides by the models' keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evalharness.config.resource_folders import list_config_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from evalharness.config.names.model_choice import ModelChoice

_SECTION = re.compile(r"([+~]{0,2})(models|panel)\.(.+)", re.DOTALL)


def list_spellings(
    choices: Sequence[ModelChoice], config_dir: Path | None = None
) -> dict[str, str]:
    """Return the keys of models by all their spellings; those of these models win.

    A spelling that two of them have means neither.
    """
    stems = [path.stem for path in list_config_files("models", config_dir)]
    spellings = {stem.replace("_", "."): stem for stem in stems if "_" in stem}
    options: dict[str, set[str]] = {}
    for choice in choices:
        for spelling in choice.spellings:
            options.setdefault(spelling, set()).add(choice.option)
    for spelling, owners in options.items():
        if len(owners) == 1:
            spellings |= dict.fromkeys([spelling], *owners)
        else:
            spellings.pop(spelling, None)
    return spellings | {stem: stem for stem in stems}


def replace_model_key(override: str, spellings: Mapping[str, str]) -> str:
    """Return an override of a model's setting with the model's key in place of its name.

    Args:
        override: the override; other ones stay as they are.
        spellings: the keys by the names that overrides may use.
    """
    return replace_key(override, spellings, {})


def replace_key(override: str, models: Mapping[str, str], panel: Mapping[str, str]) -> str:
    """Return an override of one model's setting with the model's key in place of its name.

    A name may hold dots, slashes and `=`, so it ends where the longest known spelling ends.
    """
    section = _SECTION.fullmatch(override)
    if section is None:
        return override
    known = models if section[2] == "models" else panel
    spelling = _find_longest_start(section[3], known)
    if spelling is None:
        return override
    rest = section[3][len(spelling) :]
    return f"{section[1]}{section[2]}.{known[spelling]}{rest}"


def _find_longest_start(text: str, spellings: Iterable[str]) -> str | None:
    starts = [
        spelling
        for spelling in spellings
        if text.startswith(spelling) and text[len(spelling) :][:1] in (".", "=", "")
    ]
    return max(starts, key=len, default=None)
