"""From a composed configuration's plain content to the domain's specs, every value checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness import chat
from evalharness.domain import (
    TOKENIZER_TEMPLATE,
    JudgePrompt,
    JudgeSpec,
    JudgingSpec,
    Kind,
    ModelSpec,
    Prices,
    Reading,
    Sampling,
    conversation,
    with_sampling,
)
from evalharness.errors import ConfigError, close_match
from evalharness.prompts import check as check_prompt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ENDPOINTS = ("chat", "completions")


def judging_spec(conf: Mapping[str, Any], models: Sequence[str]) -> JudgingSpec:
    """Return what is judged.

    Raises:
        ConfigError: a value is out of its range, or the baseline is not among the models.
    """
    baseline = conf["baseline"]
    if baseline is not None and models:
        one_of(baseline, models, "judging.baseline")
    if any(turn < 1 for turn in conf["turns"] or ()):
        msg = f"judging.turns={conf['turns']}: turns are counted from 1"
        raise ConfigError(msg)
    return JudgingSpec(
        graded=conf["graded"],
        pairwise=conf["pairwise"],
        baseline=baseline,
        turns=tuple(conf["turns"]) if conf["turns"] is not None else None,
        samples=_at_least(conf["samples"], 1, "judging.samples"),
    )


def judge_spec(conf: Mapping[str, Any], place: str) -> JudgeSpec:
    """Return a judge; it is asked with one sampling for every category.

    Raises:
        ConfigError: a value is out of its range, or a prompt is of the wrong kind.
    """
    model = model_spec(conf["model"], f"{place}.model")
    one_of(conf["reading"], [reading.value for reading in Reading], f"{place}.reading")
    prompts = {}
    for key, prompt in conf["prompts"].items():
        one_of(key, [kind.value for kind in Kind], f"{place}.prompts")
        if prompt["kind"] != key:
            msg = f"{place}.prompts.{key}: {prompt['name']} is a {prompt['kind']} prompt"
            raise ConfigError(msg)
        prompts[Kind(key)] = JudgePrompt(**prompt | {"kind": Kind(key)})
        check_prompt(prompts[Kind(key)])
    return JudgeSpec(
        name=conf["name"],
        model=with_sampling(model, model.sampling),
        prompts=prompts,
        reading=Reading(conf["reading"]),
        caution=conf["caution"],
    )


def model_spec(conf: Mapping[str, Any], place: str) -> ModelSpec:
    """Return a model.

    Raises:
        ConfigError: a value is out of its range; the message names its place.
    """
    one_of(conf["endpoint"], ENDPOINTS, f"{place}.endpoint")
    for name in ("concurrency", "context_length", "max_attempts"):
        if conf[name] is not None:
            _at_least(conf[name], 1, f"{place}.{name}")
    sampling = _sampling(conf["sampling"], f"{place}.sampling")
    by_category = {
        category: _sampling(
            conf["sampling"] | {key: value for key, value in own.items() if value is not None},
            f"{place}.sampling.by_category.{category}",
        )
        for category, own in conf["sampling"]["by_category"].items()
    }
    prices = {name: price for name, price in conf["prices"].items() if price is not None}
    for name, price in prices.items():
        _at_least(price, 0, f"{place}.prices.{name}")
    fields = dict(conf) | {
        "base_url": _addresses(conf["base_url"], f"{place}.base_url"),
        "stop": tuple(conf["stop"]),
        "sampling": sampling,
        "sampling_by_category": by_category,
        "prices": Prices(**prices),
    }
    if conf["template"] not in (None, TOKENIZER_TEMPLATE):
        _try_template(conf["template"], f"{place}.template")
    return ModelSpec(**fields)


def _try_template(template: str, place: str) -> None:
    """Refuse a chat template that fails on a conversation of two turns."""
    try:
        chat.render(template, conversation(("question", "question"), ("answer",)))
    except ConfigError as error:
        msg = f"{place}: {error}"
        raise ConfigError(msg) from error


def _sampling(conf: Mapping[str, Any], place: str) -> Sampling:
    _at_least(conf["temperature"], 0, f"{place}.temperature")
    _at_least(conf["max_tokens"], 1, f"{place}.max_tokens")
    if conf["top_p"] is not None and not 0 < conf["top_p"] <= 1:
        msg = f"{place}.top_p={conf['top_p']}: must be above 0 and at most 1"
        raise ConfigError(msg)
    return Sampling(
        temperature=conf["temperature"],
        top_p=conf["top_p"],
        max_tokens=conf["max_tokens"],
        seed=conf["seed"],
    )


def _addresses(value: Any, place: str) -> tuple[str, ...]:
    addresses = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(addresses, list):
        msg = f"{place}={value}: must be an address or a list of addresses"
        raise ConfigError(msg)
    for address in addresses:
        if not isinstance(address, str) or not address.startswith(("http://", "https://")):
            msg = f"{place}={address}: must start with http:// or https://"
            raise ConfigError(msg)
        if "@" in address.split("/")[2]:
            msg = f"{place}: an address must not hold a password; name a variable in api_key_env"
            raise ConfigError(msg)
    return tuple(addresses)


def one_of(value: str, allowed: Sequence[str], place: str) -> None:
    """Refuse a value that is not among those allowed.

    Raises:
        ConfigError: with the place, the choice there is, and close matches.
    """
    if value not in allowed:
        msg = f"{place}={value}: must be one of {', '.join(allowed)}"
        raise ConfigError(msg + close_match(value, allowed))


def _at_least(value: float, least: int, place: str) -> Any:
    if not value >= least:
        msg = f"{place}={value}: must be at least {least}"
        raise ConfigError(msg)
    return value
