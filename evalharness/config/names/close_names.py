"""Explain a name that no model has: three close matches, and how names are written."""

from __future__ import annotations

import difflib
import importlib.util
from typing import TYPE_CHECKING

from evalharness.config.names.providers import list_providers
from evalharness.config.resource_folders import list_config_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalharness.config.names.catalogue import CatalogueEntry

_MATCHES = 3
_CUTOFF = 0.5
_WAYS = (
    "a model is a name of `list models`, PROVIDER/MODEL (`list providers`), hf/ORG/NAME for weights "
    "of the hub, or ./FOLDER"
)


def explain_unknown_name(
    text: str, place: str, entries: Sequence[CatalogueEntry], config_dir: Path | None
) -> str:
    """Return what is wrong with a name, in two lines, with at most three close matches.

    Args:
        text: the name.
        place: the override that has it: `models`, `judge`, or a longer one.
        entries: the models that have files.
        config_dir: the user's own configuration files.
    """
    providers = [provider.name for provider in list_providers(config_dir)]
    prefix, slash, rest = text.partition("/")
    if slash and (close := difflib.get_close_matches(prefix, providers, n=1, cutoff=0.75)):
        return f"{place}={text}: there is no provider {prefix}; did you mean {close[0]}/{rest}?\n{_WAYS}"
    group = "judge" if place.startswith(("judge", "panel")) else "models"
    choices = [path.stem for path in list_config_files(group, config_dir)]
    known = [*choices, *_list_names(entries), *(f"{name}/" for name in providers)]
    close = find_close_names(text, [*known, *_list_priced_models(providers)])
    is_hub_id = text.count("/") == 1 and prefix and rest
    ways = f"for weights of the hub write hf/{text}; {_WAYS}" if is_hub_id else _WAYS
    return f"{place}={text}: there is no such model{_suggest(close)}\n{ways}"


def find_close_names(text: str, known: Sequence[str]) -> list[str]:
    """Return at most three names that are close to a text, the closest first.

    Upper and lower case, dots and underscores count as equal.
    """
    by_plain: dict[str, str] = {}
    for name in known:
        by_plain.setdefault(_simplify(name), name)
    plain = difflib.get_close_matches(_simplify(text), list(by_plain), n=_MATCHES, cutoff=_CUTOFF)
    return [by_plain[name] for name in plain]


def _simplify(name: str) -> str:
    return name.casefold().replace("_", ".")


def _suggest(close: Sequence[str]) -> str:
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _list_names(entries: Sequence[CatalogueEntry]) -> Iterator[str]:
    for entry in entries:
        yield entry.name
        yield entry.option
        yield from entry.aliases


def _list_priced_models(providers: Sequence[str]) -> Iterator[str]:
    """Yield the models of our providers of which genai-prices knows, as PROVIDER/MODEL."""
    if importlib.util.find_spec("genai_prices") is None:
        return
    from genai_prices.data import providers as priced

    ours = {"x-ai": "xai", "azure": ""}
    for provider in priced:
        name = ours.get(provider.id, provider.id)
        if name in providers:
            for model in provider.models:
                yield f"{name}/{model.id}"
