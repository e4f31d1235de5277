"""Refuse settings of an imported run that choose what is called, sent, loaded or run.

The configuration in a bundle is a stranger's. It must not send a variable of the environment to an
address of its own, load weights with their code, or read files outside the run, unless the user has seen
and confirmed it, or has given the settings again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.backends import find_backend, list_setting_names
from evalharness.config.model_schema import ModelConf
from evalharness.config.specs import build_model_spec
from evalharness.config.trust.confirmation import TRUST_CONFIG_OPTION
from evalharness.domain import escape_to_one_line
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_DATA_SETTINGS = frozenset(
    {
        *("name", "family", "system", "template_options", "stop", "context_length", "sampling"),
        *("prices", "concurrency", "batch", "retired", "successor", "thinks", "withholds_key"),
        *("default_fields", "fingerprint", "endpoint", "reasoning_effort", "extra_body"),
        *("top_logprobs", "response_format", "timeout_s", "total_timeout_s", "max_attempts"),
        *("give_up_after", "dtype", "device", "max_reply_mb", "max_reply_nesting"),
        *("max_reply_tokens", "max_batch_mb"),
    }
)
"""The settings of a model that choose no address, variable, file or code; all others are shown."""
_TEMPLATE_SETTINGS = frozenset({"template", "template_limits"})
_ADDRESSES = frozenset({"base_url", "api_base", "weights"})
_NAMES_AT_ADDRESS = frozenset({"backend", "api_name"})  # harmless where the user gives the address
_MAX_SHOWN = 100  # characters of a value


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedModelSettings:
    """The settings of a model, some of which come from the configuration of an imported run.

    Attributes:
        place: their dotted path in the configuration.
        conf: the settings as they would be used.
        given: the dotted paths that the user has set in this command.
    """

    place: str
    conf: Mapping[str, Any]
    given: frozenset[str] = frozenset()

    def list_choices(self, folder: Path) -> Iterator[str]:
        """Yield a line for each choice that the run's folder makes, not the user.

        Args:
            folder: the folder of the run, whose own files may be read.
        """
        backend = str(self.conf.get("backend"))
        if find_backend(backend).is_self_contained:
            yield from self._list_settings({"answers", *_TEMPLATE_SETTINGS}, folder)
            return
        has_address = any(map(self._is_given, _ADDRESSES))
        names = {*list_setting_names(backend), "backend", *_TEMPLATE_SETTINGS} - _DATA_SETTINGS
        yield from self._list_settings(names - _NAMES_AT_ADDRESS if has_address else names, folder)
        if not has_address and not self._is_given("api_key_env"):
            yield from self._list_default_keys()

    def _list_settings(self, names: Iterable[str], folder: Path) -> Iterator[str]:
        for name in sorted(names & self.conf.keys()):
            value = self.conf[name]
            if value in (None, "", False, [], {}, _find_default(name)) or self._is_given(name):
                continue
            if name == "answers" and _is_inside(str(value), folder):
                continue
            if name == "api_key_env" and self.conf.get("withholds_key"):
                continue
            if isinstance(value, dict):
                for key, inner in value.items():
                    if not self._is_given(f"{name}.{key}"):
                        yield f"{self.place}.{name}.{key}={_show(inner)}"
            else:
                yield f"{self.place}.{name}={_show(value)}"

    def _list_default_keys(self) -> Iterator[str]:
        """Yield a line for each variable that is sent although no setting names it."""
        spec = build_model_spec({**self.conf, "template": None, "headers": {}}, self.place)
        for variable in find_backend(spec.backend).list_key_variables(spec):
            if variable and variable != self.conf.get("api_key_env"):
                yield f"{self.place}: may send the environment variable {_show(variable)}"

    def _is_given(self, name: str) -> bool:
        path = f"{self.place}.{name}"
        return any(path == each or path.startswith(f"{each}.") for each in self.given)


def refuse_unconfirmed_settings(models: Sequence[SavedModelSettings], folder: Path) -> None:
    """Refuse settings of an imported run that choose addresses, variables, files or code.

    Args:
        models: the models that would be called with settings of the run.
        folder: the folder of the run.

    Raises:
        ConfigError: with every choice, and the option that confirms them.
    """
    choices = [line for model in models for line in model.list_choices(folder)]
    if choices:
        lines = "\n".join(f"  {line}" for line in choices)
        msg = (
            f"{folder} was imported, and its settings choose what is called, sent, loaded or run:\n"
            f"{lines}\n"
            f"nothing was done; repeat the command with {TRUST_CONFIG_OPTION} if all of this may be, "
            f"or give your own values ({models[0].place}.SETTING=VALUE, or models and judges by name)"
        )
        raise ConfigError(msg)


@cache
def _list_defaults() -> dict[str, Any]:
    return asdict(ModelConf())


def _find_default(name: str) -> Any:
    return _list_defaults().get(name)


def _is_inside(path: str, folder: Path) -> bool:
    return Path(path).resolve().is_relative_to(folder.resolve())


def _show(value: Any) -> str:
    """Return a value in one line; a long text is cut, and its length is said."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= _MAX_SHOWN:
        return escape_to_one_line(text)
    return f"{escape_to_one_line(text[:_MAX_SHOWN])}... ({len(text):,} characters)"
