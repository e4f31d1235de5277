"""Check the settings of judgments: grades, pairs, and the models that each judge compares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.backends import find_address
from evalharness.domain import JudgingSpec, PairDesign, PanelRule, require_at_least, require_one_of
from evalharness.errors import ConfigError
from evalharness.judge import find_own_family_models

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalharness.domain import JudgeSpec, ModelSpec


def build_judging_spec(conf: Mapping[str, Any], models: Sequence[str]) -> JudgingSpec:
    """Return the specification of the judgments of a run.

    Args:
        conf: the section `judging` of the configuration.
        models: the names of the models.

    Raises:
        ConfigError: a value is out of its range, or the baseline is not among the models.
    """
    baseline = conf["baseline"]
    if baseline is not None and models:
        require_one_of(baseline, models, "judging.baseline")
    if any(turn < 1 for turn in conf["turns"] or ()):
        msg = f"judging.turns={conf['turns']}: turns are counted from 1"
        raise ConfigError(msg)
    return JudgingSpec(
        graded=conf["graded"],
        pairwise=conf["pairwise"],
        baseline=baseline,
        turns=tuple(conf["turns"]) if conf["turns"] is not None else None,
        samples=require_at_least(conf["samples"], 1, "judging.samples"),
        pairs=_build_pair_design(conf),
        budget_pairs=conf["budget_pairs"],
        exclude_own_family=conf["exclude_own_family"],
        panel=_build_panel_rule(conf["panel"]),
        show_reasoning=conf["show_reasoning"],
    )


def refuse_unjudged_models(
    judging: JudgingSpec, judges: Sequence[JudgeSpec], models: Sequence[ModelSpec]
) -> None:
    """Refuse settings that leave a model without a judge.

    With `exclude_own_family`, a judge does not judge models of its own family.

    Raises:
        ConfigError: some models have no judge; the message names them.
    """
    judged = {
        model.name
        for judge in judges
        for model in models
        if model.name not in find_own_family_models(judge, models, judging)
    }
    unjudged = [model.name for model in models if model.name not in judged]
    if unjudged:
        msg = (
            f"judging.exclude_own_family=true: every judge is of the family of "
            f"{', '.join(unjudged)}; add a judge of another one, judge=[...]"
        )
        raise ConfigError(msg)


def list_self_judging_cautions(
    judging: JudgingSpec, judges: Sequence[JudgeSpec], models: Sequence[ModelSpec]
) -> tuple[str, ...]:
    """Return a sentence for each judge that is one of the models that it judges.

    A judge that has a caution of its own is not to be trusted in any case.
    """
    cautions = []
    for judge in judges:
        excluded = find_own_family_models(judge, models, judging)
        own = [
            model.name
            for model in models
            if model.name not in excluded and _is_same_model(judge.model, model)
        ]
        if own and not judge.caution:
            cautions.append(
                f"The judge {judge.name} is the same model as {', '.join(own)}, which it judges; "
                "models tend to prefer their own answers."
            )
    return tuple(cautions)


def _is_same_model(one: ModelSpec, other: ModelSpec) -> bool:
    """Whether two models have the same weights, or the same name on the same servers."""
    addresses = [find_address(each) for each in (one, other)]
    weights = [each.get_setting("weights") for each in (one, other)]
    adapters = [each.get_setting("adapter") for each in (one, other)]
    if adapters[0] != adapters[1]:
        return False
    if weights[0] is not None and weights[0] == weights[1]:
        return all(address is None for address in addresses)
    names = [address.name if address else None for address in addresses]
    if all(addresses):
        urls = [set(address.urls) for address in addresses if address]
        return names[0] == names[1] and bool(urls[0] & urls[1])
    served, loaded = names[0] or names[1], weights[0] if addresses[1] else weights[1]
    return served is not None and "/" in served and served == loaded


def _build_panel_rule(value: str) -> PanelRule:
    require_one_of(value, [rule.value for rule in PanelRule], "judging.panel")
    return PanelRule(value)


def _build_pair_design(conf: Mapping[str, Any]) -> PairDesign | None:
    """Return which pairs are compared; refuse a baseline or a budget that the design cannot use."""
    pairs, baseline, budget = conf["pairs"], conf["baseline"], conf["budget_pairs"]
    if budget is not None:
        require_at_least(budget, 1, "judging.budget_pairs")
        if pairs not in (PairDesign.CHAIN, PairDesign.RANDOM, PairDesign.ADAPTIVE):
            msg = f"judging.budget_pairs={budget}: needs judging.pairs=chain, random or adaptive"
            raise ConfigError(msg)
    if pairs is None:
        return None
    require_one_of(pairs, [design.value for design in PairDesign], "judging.pairs")
    if pairs == PairDesign.BASELINE and baseline is None:
        msg = "judging.pairs=baseline: judging.baseline must name the model"
        raise ConfigError(msg)
    if pairs != PairDesign.BASELINE and baseline is not None:
        msg = f"judging.pairs={pairs}: judging.baseline={baseline} asks for pairs with it only"
        raise ConfigError(msg)
    if pairs == PairDesign.RANDOM and budget is None:
        msg = "judging.pairs=random: judging.budget_pairs must say how many a question"
        raise ConfigError(msg)
    return PairDesign(pairs)
