"""Record what servers refuse in a run's manifest as soon as it is learned, and report it."""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING, Any

from evalharness.backends import LearnedRules
from evalharness.domain import compute_digest, list_request_rules
from evalharness.store import read_manifest, update_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import ModelSpec

REQUEST_RULES = "request_rules"
_LONGEST_QUOTE = 160


def open_rule_record(
    folder: Path,
    named: Mapping[str, Mapping[str, ModelSpec]],
    print_notice: Callable[[str], None],
) -> LearnedRules:
    """Return the rules in the manifest of a run's folder; later ones are added to it at once.

    A run that is killed right after a refusal does not pay for it again.

    Args:
        folder: the run's folder.
        named: the models that are called, by role (`models` or `judges`) and name.
        print_notice: shows a line for each rule.
    """
    manifest = read_manifest(folder)
    named = {role: _list_same(manifest, role, models) for role, models in named.items()}
    reported: set[tuple[str, str]] = set()

    def record(spec: ModelSpec) -> None:
        _write_rules(folder, named, rules)
        found, name = rules.find(spec), _find_name(named, spec)
        changes = found.describe() if found else ()
        new = [each for each in changes if (name, each) not in reported]
        reported.update((name, each) for each in new)
        if found and new:
            print_notice(f"{name}: {_describe(new, found.said)}")

    rules = LearnedRules(record)
    for role, models in named.items():
        for name, known in list_request_rules(manifest, role).items():
            if name in models:
                rules.restore(models[name], known)
    return rules


def _list_same(
    manifest: Mapping[str, Any], role: str, models: Mapping[str, ModelSpec]
) -> dict[str, ModelSpec]:
    """Return the models that are what the manifest has under their names, or that are new there.

    A check of a judge's drift may ask another model under the name of the judge.
    """
    known = {name: each.get("identity") for name, each in (manifest.get(role) or {}).items()}
    return {
        name: spec
        for name, spec in models.items()
        if known.get(name) in (None, compute_digest(spec.identity()))
    }


def _write_rules(
    folder: Path, named: Mapping[str, Mapping[str, ModelSpec]], rules: LearnedRules
) -> None:
    content = dict(read_manifest(folder).get(REQUEST_RULES) or {})
    for role, models in named.items():
        found = {name: rules.find(spec) for name, spec in models.items()}
        known = {name: each.to_tree() for name, each in found.items() if each is not None}
        if known:
            content[role] = dict(content.get(role) or {}) | known
    update_manifest(folder, {REQUEST_RULES: content})


def _find_name(named: Mapping[str, Mapping[str, ModelSpec]], spec: ModelSpec) -> str:
    """Return the name under which a model is known in the run."""
    names = (name for models in named.values() for name, own in models.items() if own == spec)
    return next(names, spec.name)


def _describe(changes: Sequence[str], said: Sequence[str]) -> str:
    words = shorten(said[-1], _LONGEST_QUOTE, placeholder="...") if said else "nothing"
    return f'requests go {", ".join(changes)} from now on (the server said: "{words}")'
