"""Build the specs of a run from the composed configuration, and check every value."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalharness.backends import (
    build_backend_settings,
    check_other_settings,
    find_address,
    find_backend,
    is_azure_address,
    render_chat_template,
    render_judge_template,
)
from evalharness.config.list_prices import find_list_prices
from evalharness.config.model_schema import RUN_SEED
from evalharness.domain import (
    TOKENIZER_TEMPLATE,
    Budget,
    JudgePrompt,
    JudgeSpec,
    JudgmentKind,
    ModelSpec,
    Prices,
    Reading,
    Sampling,
    TemplateLimits,
    build_conversation,
    override_sampling,
    require_at_least,
    require_one_of,
)
from evalharness.errors import ConfigError
from evalharness.judge import AuditSpec, DriftCheckSpec
from evalharness.judge import check_judge_prompt as check_prompt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

JUDGE_MODES = ("live", "batch")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

_ANY_DATE = "2026-01-01"
"""The day with which a template is tried."""


def build_audit_spec(conf: Mapping[str, Any]) -> AuditSpec:
    """Return the specification of an audit.

    Raises:
        ConfigError: a value is out of its range.
    """
    for name, bound in conf["thresholds"].items():
        if bound is not None and not 0 <= bound <= 1:
            msg = f"audit.thresholds.{name}={bound}: must be a share from 0 to 1, or null"
            raise ConfigError(msg)
    limit, alpha = conf["against"]["limit"], conf["against"]["alpha"]
    if not 0 < alpha < 1:
        msg = f"audit.against.alpha={alpha}: must lie between 0 and 1"
        raise ConfigError(msg)
    return AuditSpec(
        questions=require_at_least(conf["questions"], 1, "audit.questions"),
        against=DriftCheckSpec(
            limit=require_at_least(limit, 1, "audit.against.limit"), alpha=alpha
        ),
        thresholds=dict(conf["thresholds"]),
    )


def build_budget(conf: Mapping[str, Any], models: Sequence[ModelSpec]) -> Budget:
    """Return the limits at which a run stops.

    Raises:
        ConfigError: a limit is below zero, or there is a limit in dollars and no model has a price.
    """
    for name, limit in conf.items():
        if limit is not None:
            require_at_least(limit, 0, f"budget.{name}")
    if conf["usd"] is not None and not any(model.prices.is_known for model in models):
        msg = (
            f"budget.usd={conf['usd']:g}: no price is known for any model; "
            "set models.NAME.prices.input and .output, in dollars for a million tokens"
        )
        raise ConfigError(msg)
    return Budget(**conf)


def build_judge_spec(conf: Mapping[str, Any], place: str) -> JudgeSpec:
    """Return the specification of a judge, which uses the same sampling in every category.

    Args:
        conf: the configuration of the judge.
        place: the dotted path of the configuration, for messages.

    Raises:
        ConfigError: a value is out of its range, or a prompt is of the wrong kind.
    """
    model = build_model_spec(conf["model"], f"{place}.model")
    require_one_of(conf["reading"], [reading.value for reading in Reading], f"{place}.reading")
    prompts = {}
    for key, prompt in conf["prompts"].items():
        require_one_of(key, [kind.value for kind in JudgmentKind], f"{place}.prompts")
        if prompt["kind"] != key:
            msg = f"{place}.prompts.{key}: {prompt['name']} is a {prompt['kind']} prompt"
            raise ConfigError(msg)
        prompts[JudgmentKind(key)] = JudgePrompt(**prompt | {"kind": JudgmentKind(key)})
        check_prompt(
            prompts[JudgmentKind(key)], Reading(conf["reading"]), render=render_judge_template
        )
    _refuse_unreadable_decisions(conf, prompts.values(), place)
    require_one_of(conf["mode"], JUDGE_MODES, f"{place}.mode")
    if conf["mode"] == "batch":
        if find_backend(model.backend).connect_batch is None:
            msg = f"{place}.mode=batch: needs a server with a batch endpoint, not {model.backend}"
            raise ConfigError(msg)
        model = replace(model, batch=True)
    return JudgeSpec(
        name=conf["name"],
        model=override_sampling(model, model.sampling),
        prompts=prompts,
        reading=Reading(conf["reading"]),
        repairs=conf["repairs"],
        caution=conf["caution"],
        trial=conf["trial"],
    )


def _refuse_unreadable_decisions(
    conf: Mapping[str, Any], prompts: Iterable[JudgePrompt], place: str
) -> None:
    """Refuse settings with which a decision could not be read or repaired."""
    if conf["repairs"] not in (0, 1):
        msg = f"{place}.repairs={conf['repairs']}: must be 0 or 1"
        raise ConfigError(msg)
    if conf["reading"] != Reading.PROBABILITIES:
        return
    if conf["repairs"]:
        msg = f"{place}.repairs=1: probabilities hold no words to repair; set {place}.repairs=0"
        raise ConfigError(msg)
    for prompt in prompts:
        if prompt.five_levels:
            msg = (
                f"{place}.reading=probabilities: {prompt.name} has five levels, which only "
                "words and JSON can say; choose reading=text, or a prompt of three verdicts"
            )
            raise ConfigError(msg)


def build_model_spec(conf: Mapping[str, Any], place: str) -> ModelSpec:
    """Return the specification of a model.

    Args:
        conf: the configuration of the model.
        place: the dotted path of the configuration, for messages.

    Raises:
        ConfigError: a value is out of its range; the message names the setting.
    """
    for name in ("concurrency", "context_length"):
        if conf[name] is not None:
            require_at_least(conf[name], 1, f"{place}.{name}")
    sampling = _build_sampling(conf["sampling"], f"{place}.sampling")
    by_category = {
        category: _build_sampling(
            conf["sampling"] | {key: value for key, value in own.items() if value is not None},
            f"{place}.sampling.by_category.{category}",
        )
        for category, own in conf["sampling"]["by_category"].items()
    }
    prices = {name: price for name, price in conf["prices"].items() if price is not None}
    for name, price in prices.items():
        require_at_least(price, 0, f"{place}.prices.{name}")
    if conf["template"] not in (None, TOKENIZER_TEMPLATE):
        _check_template(conf["template"], conf["template_options"], f"{place}.template")
    if conf["retired"] is not None and not _DAY.fullmatch(conf["retired"]):
        msg = f"{place}.retired={conf['retired']}: must be a day, as YYYY-MM-DD"
        raise ConfigError(msg)
    if conf["withholds_key"]:
        conf = dict(conf) | {"api_key_env": _find_other_key(conf)}
    check_other_settings(conf["backend"], conf, place)
    spec = ModelSpec(
        name=conf["name"],
        backend=conf["backend"],
        settings=build_backend_settings(conf["backend"], conf, place),
        family=_build_family(conf["family"], place),
        system=conf["system"],
        template=conf["template"],
        template_options=dict(conf["template_options"]),
        template_limits=_build_template_limits(conf["template_limits"], f"{place}.template_limits"),
        stop=tuple(conf["stop"]),
        context_length=conf["context_length"],
        sampling=sampling,
        sampling_by_category=by_category,
        prices=Prices(**prices),
        concurrency=conf["concurrency"],
        batch=conf["batch"],
        thinks=conf["thinks"],
        retired=conf["retired"],
        successor=conf["successor"],
        default_fields=tuple(conf["default_fields"]),
        fingerprint=conf["fingerprint"],
    )
    return spec if spec.prices.is_known else _add_list_prices(spec)


def _find_other_key(conf: Mapping[str, Any]) -> str | None:
    """Return what stands in the place of a key that is withheld.

    None leaves the choice to the backend, which knows Azure by `api_version` too; a server in
    Azure's place is sent no key at all, and an empty name says so.
    """
    urls = conf["base_url"] if isinstance(conf["base_url"], list) else [conf["base_url"]]
    is_azure = all(url and is_azure_address(url) for url in urls)
    return "" if conf["api_version"] and not is_azure else None


def _build_family(value: Any, place: str) -> str | tuple[str, ...] | None:
    """Return a family, or several; one in a list is the same as its name.

    Raises:
        ConfigError: the value is neither a name nor a list of names.
    """
    names = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) and name for name in names):
        msg = f"{place}.family={value}: must be a name, or a list of names"
        raise ConfigError(msg)
    return tuple(names) if len(names) > 1 else next(iter(names), None)


def _add_list_prices(spec: ModelSpec) -> ModelSpec:
    """Return a model without configured prices with those that its provider asks, if known."""
    address = find_address(spec)
    if address is None or address.is_private:
        return spec
    found = find_list_prices(address.urls[0], address.name)
    return spec if found is None else replace(spec, prices=replace(found, batch=spec.prices.batch))


def _build_template_limits(conf: Mapping[str, Any], place: str) -> TemplateLimits:
    """Return the limits of templates.

    Raises:
        ConfigError: a limit is too small.
    """
    for name in ("seconds", "memory_mb", "characters"):
        require_at_least(conf[name], 1, f"{place}.{name}")
    return TemplateLimits(**conf)


def _check_template(template: str, options: Mapping[str, Any], place: str) -> None:
    """Refuse a chat template that fails on a conversation of two turns."""
    messages = build_conversation(("question", "question"), ("answer",))
    try:
        render_chat_template(template, messages, options=options, date=_ANY_DATE)
    except ConfigError as error:
        msg = f"{place}: {error}"
        raise ConfigError(msg) from error


def _build_sampling(conf: Mapping[str, Any], place: str) -> Sampling:
    """Return the settings of text generation.

    Raises:
        ConfigError: a value is out of its range.
    """
    if conf["temperature"] is not None:
        require_at_least(conf["temperature"], 0, f"{place}.temperature")
    if conf["max_tokens"] is not None:
        require_at_least(conf["max_tokens"], 1, f"{place}.max_tokens")
    if conf["top_p"] is not None and not 0 < conf["top_p"] <= 1:
        msg = f"{place}.top_p={conf['top_p']}: must be above 0 and at most 1"
        raise ConfigError(msg)
    seed = conf["seed"]
    if seed is not None and seed != RUN_SEED and type(seed) is not int:
        msg = f"{place}.seed={seed}: must be a whole number, {RUN_SEED}, or null for none"
        raise ConfigError(msg)
    return Sampling(
        temperature=conf["temperature"],
        top_p=conf["top_p"],
        max_tokens=conf["max_tokens"],
        seed=None if seed == RUN_SEED else seed,
        seedless=seed is None,
    )
