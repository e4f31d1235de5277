"""Read names as they are written in overrides: lists of names, and variants of one model.

models=[openai/gpt-6-luna?reasoning_effort=low,openai/gpt-6-luna?reasoning_effort=high]
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import yaml

from evalharness.config.model_schema import ModelConf, SamplingConf
from evalharness.errors import ConfigError, suggest_close_match

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPENING, _CLOSING, _QUOTES = "([{", ")]}", "'\""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenName:
    """A name as it is written: the model, and the settings that make it a variant.

    Attributes:
        text: the whole name.
        base: the part that names the model.
        settings: the settings after `?`, by their paths in a model's configuration.
    """

    text: str
    base: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """The settings as they are shown after the model's name; empty without settings."""
        shown = ", ".join(
            f"{path.removeprefix('sampling.')}={_show_value(value)}"
            for path, value in self.settings.items()
        )
        return f" ({shown})" if shown else ""


def split_names(value: str) -> list[str]:
    """Return the names in the value of an override: `[a,b]`, `a,b`, or `a`."""
    text = _unquote(value.strip())
    if text.startswith("[") and _find_closing(text) == len(text) - 1:
        text = text[1:-1]
    return [_unquote(part) for part in _split_commas(text) if part]


def split_jobs(value: str) -> list[list[str]]:
    """Return the names of each job in a sweep: `[a,b],[c]`, or `a,b` for two jobs."""
    return [split_names(part) for part in _split_commas(value.strip()) if part]


def parse_written_name(text: str, place: str) -> WrittenName:
    """Return a name, divided into the model and the settings of the variant.

    The settings are sorted, so that their order makes no other model.

    Args:
        text: the name.
        place: the override that has it, for messages.

    Raises:
        ConfigError: a setting has no value, or there is no such setting.
    """
    base, mark, query = text.partition("?")
    settings: dict[str, Any] = {}
    for part in query.split("&") if mark else ():
        key, equals, value = part.partition("=")
        if not (key and equals):
            msg = f"{place}={text}: settings are written ?NAME=VALUE&NAME=VALUE, not {part!r}"
            raise ConfigError(msg)
        settings[_find_setting_path(key, f"{place}={text}")] = _parse_value(
            value, f"{place}={text}"
        )
    return WrittenName(text=text, base=base, settings=dict(sorted(settings.items())))


def make_key(text: str) -> str:
    """Return a text as a key of the configuration: anything but letters, digits, - becomes _."""
    return re.sub(r"[^\w-]+", "_", text, flags=re.ASCII).strip("_") or "model"


_PLAIN_VALUE = re.compile(r"""[^\[\]{}()'",]+""")
_VALUE_PARTS = re.compile(
    r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|(?P<bare>[^\s\[\]{}()'",:=](?:[^\[\]{}()'",:=]*[^\s\[\]{}()'",:=])?)"""
)
"""The parts of a list or of a group of values: quoted texts, and bare ones."""


def quote_override_value(text: str) -> str:
    """Return a text quoted and escaped as the value of an override."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def quote_foreign_letters(value: str) -> str:
    """Return the value of an override with quotes where Hydra's grammar knows no bare text.

    It knows ASCII only, and no `=` in a value. A text in a list is quoted by itself.
    """
    if value.isascii() and not ("=" in value and _PLAIN_VALUE.fullmatch(value)):
        return value
    if _PLAIN_VALUE.fullmatch(value):
        return quote_override_value(value)
    return _VALUE_PARTS.sub(_quote_part, value)


def _quote_part(match: re.Match[str]) -> str:
    text = match["bare"]
    return match[0] if text is None or text.isascii() else quote_override_value(text)


def _find_setting_path(key: str, place: str) -> str:
    """Return the path of a setting in a model's configuration; `temperature` is in `sampling`."""
    sampling = [own.name for own in fields(SamplingConf)]
    known = [own.name for own in fields(ModelConf)]
    if key in sampling:
        return f"sampling.{key}"
    if key.partition(".")[0] in known and key not in ("name", "default_fields"):
        return key
    msg = f"{place}: there is no setting {key!r} of a model{suggest_close_match(key, [*known, *sampling])}"
    raise ConfigError(msg)


def _parse_value(text: str, place: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        msg = f"{place}: {text!r} cannot be read as the value of a setting"
        raise ConfigError(msg) from error


def _show_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _split_commas(text: str) -> list[str]:
    """Return the parts between commas that are in no bracket and no quotes."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in _QUOTES:
            quote = character
        depth += (character in _OPENING) - (character in _CLOSING) if not quote else 0
        if character == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _find_closing(text: str) -> int:
    """Return the index of the bracket that closes the first one; -1 if none does."""
    depth = 0
    for index, character in enumerate(text):
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth == 0:
            return index
    return -1


def _unquote(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES
    return text[1:-1] if is_quoted else text
