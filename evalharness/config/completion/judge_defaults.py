"""Complete a judge by its model: its name, its sampling, and what holds for another server no more."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evalharness.config.model_schema import PricesConf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalharness.config.completion.user_settings import UserSettings
    from evalharness.config.names.catalogue import CatalogueEntry


def complete_judge(
    conf: Mapping[str, Any],
    place: str,
    user: UserSettings,
    find_entry: Callable[[str], CatalogueEntry | None],
) -> dict[str, Any]:
    """Return the configuration of a judge with a name and with the sampling that it is asked with.

    Args:
        conf: the composed configuration of the judge.
        place: its dotted path.
        user: what the user set.
        find_entry: returns what the file of a model says, by the dotted path of the model.
    """
    judge = {key: value for key, value in conf.items() if key != "sampling"}
    model = dict(conf["model"])
    model["sampling"] = _choose_sampling(conf, place, user)
    judge["model"] = model
    answers, entry = model["name"], find_entry(f"{place}.model")
    if _is_overridden(model, place, user, entry):
        answers = model.get("api_name") or answers
        _forget_other_model(model, place, user, entry)
    judge["name"] = conf["name"] or answers
    return judge


def _choose_sampling(conf: Mapping[str, Any], place: str, user: UserSettings) -> dict[str, Any]:
    """Return a judge's sampling: the user's, else what its model needs, else the judge's own."""
    model, own = conf["model"], conf["sampling"]
    sampling = dict(model["sampling"])
    for field in ("temperature", "max_tokens"):
        if user.has(f"{place}.sampling.{field}"):
            sampling[field] = own[field]
        elif user.has(f"{place}.model.sampling.{field}") or sampling[field] is None:
            continue
        elif not model["thinks"]:
            sampling[field] = own[field]
        elif field == "max_tokens":
            sampling[field] = _leave_room(sampling[field], own, model["context_length"])
    if not model["thinks"] and not user.has(f"{place}.model.sampling.top_p"):
        sampling["top_p"] = None
    return sampling


def _leave_room(length: int, own: Mapping[str, Any], context_length: int | None) -> int:
    """Return the longest reply of a judge that thinks: in a short context, half of that."""
    room: int = own["thinking_max_tokens"]
    if context_length is not None:
        room = min(room, context_length // 2)
    return max(length, room)


def _is_overridden(
    model: Mapping[str, Any], place: str, user: UserSettings, entry: CatalogueEntry | None
) -> bool:
    """Return whether overrides put another model or server in the place of the configured one.

    What a file of the user's sets counts as an override, but it is the configured one.
    """
    paths = (f"{place}.model.base_url", f"{place}.model.api_name")
    is_set = any(path in user.overrides for path in paths)
    where = (model["base_url"], model["api_name"])
    return is_set and (entry is None or where != (entry.base_url, entry.api_name))


def _forget_other_model(
    model: dict[str, Any], place: str, user: UserSettings, entry: CatalogueEntry | None
) -> None:
    """Drop the prices and the family of the model that a judge's file describes.

    They are kept for weights of known name that are served at an address.
    """
    known = (entry.name, entry.api_name, entry.weights) if entry else ()
    same_name = model["api_name"] in (None, *known)
    same_server = entry is None or entry.base_url in (None, model["base_url"])
    if same_name and same_server:
        return
    if not user.has(f"{place}.model.family"):
        model["family"] = None
    if not user.has(f"{place}.model.prices"):
        model["prices"] = asdict(PricesConf())
