"""Compare the models of a run with what their servers say that they serve.

Each server is asked once for its list (`GET /models`), all at the same time. A name is refused only
where a list proves that the server does not have it: servers without a list, with an empty one or
with wildcards prove nothing.
"""

from __future__ import annotations

import difflib
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from evalharness.backends import find_address, find_backend
from evalharness.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.backends import ModelAddress
    from evalharness.domain import ModelSpec

_MAX_THREADS = 16
_MAX_SHOWN = 6
_REFUSED_KEY = "http_401"
# The key may be right all the same: it may not read lists, or the list wants it in another header.
_UNPROVEN_REFUSAL = re.compile(r"scope|permission|x-api-key", re.IGNORECASE)
_VARIANT = re.compile(r"[-@:](latest|\d)", re.IGNORECASE)


def find_unserved(models: Mapping[str, ModelSpec]) -> dict[str, str]:
    """Return why servers do not answer for models, by name; those that they serve are left out.

    Args:
        models: the models by the name that a message gives them. None of them lacks a key or a server.
    """
    by_server: dict[tuple[object, ...], list[str]] = {}
    for name, spec in models.items():
        if find_backend(spec.backend).list_served_models and (address := find_address(spec)):
            server = (spec.backend, address.urls[0], spec.get_setting("api_key_env"))
            by_server.setdefault(server, []).append(name)
    with ThreadPoolExecutor(max_workers=_MAX_THREADS) as threads:
        asked = [models[names[0]] for names in by_server.values()]
        answers = list(threads.map(_ask_server, asked))
    return {
        name: reason
        for names, answer in zip(by_server.values(), answers, strict=True)
        for name in names
        if (reason := _explain(models[name], answer)) is not None
    }


def _ask_server(spec: ModelSpec) -> tuple[str, ...] | BackendError | None:
    """Return the names that a model's server lists; the error of a refused key; None for no list."""
    list_names = find_backend(spec.backend).list_served_models
    try:
        return list_names(spec) if list_names else None
    except BackendError as error:
        is_refusal = error.reason == _REFUSED_KEY and not _UNPROVEN_REFUSAL.search(str(error))
        return error if is_refusal else None


def _explain(spec: ModelSpec, answer: Sequence[str] | BackendError | None) -> str | None:
    address = find_address(spec)
    if answer is None or address is None:
        return None
    if isinstance(answer, BackendError):
        return f"the server at {address.urls[0]} refuses the key: {answer}"
    if _is_served(address.name, answer):
        return None
    served = _describe_list(address, answer)
    return f"the server at {address.urls[0]} serves no {address.name!r}; {served}"


def _is_served(name: str, listed: Sequence[str]) -> bool:
    """Return whether a list has a name, or does not prove that it lacks it.

    Servers list full names, and take short ones: `llama3.3` for `llama3.3:latest`,
    `claude-sonnet-5-5` for `claude-sonnet-5-5-20260801`, `model:free` for `model`.
    """
    wanted = name.lower()
    short = wanted.rsplit("/", 1)[-1]
    for each in map(str.lower, listed):
        if "*" in each or each in (wanted, wanted.partition(":")[0]):
            return True
        if short in (each, each.rsplit("/", 1)[-1]):
            return True
        if each.startswith(wanted) and _VARIANT.match(each, len(wanted)):
            return True
    return wanted.endswith("-latest") and _is_served(wanted.removesuffix("-latest"), listed)


def _describe_list(address: ModelAddress, listed: Sequence[str]) -> str:
    """Return what a server serves: the names that are most like the wanted one come first."""
    close = difflib.get_close_matches(address.name, listed, n=_MAX_SHOWN, cutoff=0.5)
    shown = list(dict.fromkeys([*close, *listed]))[:_MAX_SHOWN]
    more = f" and {len(listed) - len(shown)} more" if len(listed) > len(shown) else ""
    return f"it serves {', '.join(shown)}{more}"
