"""Match the judges of a drift check with the judges of the earlier run, and refuse other judges."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evalharness.config import (
    REFERENCE_START,
    SavedModelSettings,
    build_judge_spec,
    complete_saved_judge,
    refuse_unconfirmed_settings,
)
from evalharness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import JudgePrompt, JudgeSpec

_JUDGE_OVERRIDES = ("models@judge", "prompts@judge")
"""Overrides that, like `judge=`, choose another judge or prompt than the run's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedJudge:
    """The settings of a judge in the run, and in the check."""

    original: JudgeSpec
    current: JudgeSpec


def read_run_judges(config: Mapping[str, Any]) -> dict[str, JudgeSpec]:
    """Return the judges of a run by name, from its saved configuration."""
    return _build_judges(_saved_judges(config), config)


def choose_judges(
    saved: Mapping[str, Any],
    tree: Mapping[str, Any],
    overrides: Sequence[str],
    imported_folder: Path | None = None,
) -> list[JudgeSpec]:
    """Return the judges to call: those that overrides choose, else the run's own.

    Args:
        saved: the configuration of the run.
        tree: the configuration that the overrides make.
        overrides: the overrides of the command; `judge.FIELD=` changes a setting of the run's own judge.
        imported_folder: the folder of a run whose settings need the user's confirmation and do not
            have it; None for any other run.

    Raises:
        ConfigError: the run's own judges would choose addresses, variables, files or code.
    """
    keys = [override.partition("=")[0].lstrip("+") for override in overrides]
    if any(key == "judge" or key.startswith(_JUDGE_OVERRIDES) for key in keys):
        return list(read_run_judges(tree).values())
    confs = copy.deepcopy(_saved_judges(saved))
    for key in keys:
        section, _, path = key.partition(".")
        if path.startswith("sampling."):  # the judge's defaults, which stand in its model
            path = f"model.{path}"
        if section == "judge" and path:
            _copy_setting(confs["judge"], path.split("."), tree["judge"])
    if "judge.model.base_url" in keys and _is_moved(saved, confs["judge"]):
        _forget_secrets(confs["judge"]["model"], keys)
    if imported_folder is not None:
        refuse_unconfirmed_settings(
            [
                SavedModelSettings(
                    place=f"{place}.model", conf=conf["model"], given=frozenset(keys)
                )
                for place, conf in confs.items()
            ],
            imported_folder,
        )
    return list(_build_judges(confs, saved).values())


def match_judges(
    was: Mapping[str, JudgeSpec], now: Sequence[JudgeSpec], run: str
) -> list[MatchedJudge]:
    """Return each judge with its settings in the run.

    Raises:
        ConfigError: a judge did not judge the run, or its prompts have changed.
    """
    strangers = [judge.name for judge in now if judge.name not in was]
    if strangers:
        msg = (
            f"{run} was judged by {', '.join(was) or 'nobody'}, not by {strangers[0]}: another judge "
            "is no drift. Compare two with `run 'judge=[A,B]'`; a judge that was only renamed keeps "
            "its name with judge.name=NAME"
        )
        raise ConfigError(msg)
    pairs = [MatchedJudge(original=was[judge.name], current=judge) for judge in now]
    for pair in pairs:
        changed = [*_changed_wording(pair)]
        if changed:
            msg = (
                f"{run}: {pair.current.name} was asked in other words ({', '.join(changed)} changed), so "
                "that other replies would be no drift. Leave judge= and prompts@... out: the run's "
                "own judge and prompts are taken"
            )
            raise ConfigError(msg)
    return pairs


def changed_model_settings(pair: MatchedJudge) -> list[str]:
    """Return the names of the settings of the judge's model that differ from the run's."""
    was, now = pair.original.model.identity(), pair.current.model.identity()
    return [name for name in was if was[name] != now.get(name)]


def _saved_judges(saved: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the settings of the judges in a configuration, by their place in it."""
    found = {"judge": saved["judge"]} if saved.get("judge") else {}
    found |= {f"panel.{name}": conf for name, conf in (saved.get("panel") or {}).items()}
    return {place: complete_saved_judge(conf) for place, conf in found.items()}


def _is_moved(saved: Mapping[str, Any], judge: Mapping[str, Any]) -> bool:
    """Return whether a judge is asked at another server than in the run, whose key is not for it."""
    was, now = saved["judge"]["model"].get("base_url"), judge["model"]["base_url"]
    addresses = [
        {str(each).rstrip("/") for each in (value if isinstance(value, list) else [value])}
        for value in (was, now)
    ]
    return not addresses[1] <= addresses[0]


def _forget_secrets(model: dict[str, Any], keys: Sequence[str]) -> None:
    """Keep from another server the key and the secret headers that no override names."""
    if "judge.model.api_key_env" not in keys:
        model["withholds_key"] = True
    model["headers"] = {
        header: value
        for header, value in model["headers"].items()
        if REFERENCE_START not in value or f"judge.model.headers.{header}" in keys
    }


def _build_judges(confs: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, JudgeSpec]:
    shown = bool((config.get("judging") or {}).get("show_reasoning"))
    date = config.get("template_date")
    judges = {}
    for place, conf in confs.items():
        judge = build_judge_spec(conf, place)
        model = replace(judge.model, template_date=date)
        judges[judge.name] = replace(judge, model=model, show_reasoning=shown)
    return judges


def _copy_setting(conf: dict[str, Any], path: Sequence[str], source: Mapping[str, Any]) -> None:
    """Copy one setting, named by its path, from another judge."""
    *parents, last = path
    for name in parents:
        conf, source = conf.setdefault(name, {}), source[name]
    conf[last] = source[last]


def _changed_wording(pair: MatchedJudge) -> Iterator[str]:
    """Yield the settings that have changed in the prompts and in the reading of replies."""
    for kind, prompt in pair.original.prompts.items():
        if _prompt_wording(prompt) != _prompt_wording(pair.current.prompts.get(kind)):
            yield f"its {kind.value} prompt {prompt.name}"
    for name in ("reading", "repairs"):
        if getattr(pair.original, name) != getattr(pair.current, name):
            yield name


def _prompt_wording(prompt: JudgePrompt | None) -> tuple[object, ...] | None:
    if prompt is None:
        return None
    return prompt.system, prompt.template, prompt.prefill, prompt.language, prompt.five_levels
