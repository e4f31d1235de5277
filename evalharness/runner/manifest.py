"""What a run was made with: versions, code, hashes, seeds, and what it used."""

from __future__ import annotations

import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalharness.backends import find_backend, find_hub_commit, read_chat_template
from evalharness.domain import TOKENIZER_TEMPLATE, Usage, digest
from evalharness.store import MANIFEST_FILE, TEMPLATES_FILE, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from evalharness.domain import Answer, Judgment, ModelSpec, RunRecords, RunSpec

PACKAGES = (
    "evalharness",
    "aiohttp",
    "hydra-core",
    "lm-eval",
    "numpy",
    "openai",
    "pandas",
    "plotly",
    "scipy",
    "torch",
    "transformers",
)
_USAGE_COUNTS = ("calls", "prompt_tokens", "cached_tokens", "completion_tokens")


def build_manifest(
    spec: RunSpec,
    records: RunRecords,
    *,
    command: str,
    finished: str,
    benchmarks: Mapping[str, Any] | None = None,
    published: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the manifest.

    Args:
        spec: what was run.
        records: what it found; what its manifest says of imports is kept.
        command: the command that repeats it.
        finished: when, in ISO 8601.
        benchmarks: what the results of benchmarks were made with, by model and benchmark.
        published: what others published of the models, to be shown beside the run's own figures.
    """
    measured: dict[str, Any] = {"benchmarks": benchmarks} if benchmarks else {}
    if published:
        measured["published"] = list(published)
    imported = records.manifest.get("imported", [])
    told = (caution for each in imported for caution in each["cautions"])
    models = {model.name: _model_entry(model, records, "models") for model in spec.models}
    return {
        "command": command,
        "finished": finished,
        "seed": spec.seed,
        "cautions": list(dict.fromkeys((*spec.cautions, *told, *_weight_change_cautions(models)))),
        "versions": {name: found for name in PACKAGES if (found := _package_version(name))},
        "python": platform.python_version(),
        "git": _git_commit(),
        "questions": digest([[q.question_id, q.turns, q.references] for q in spec.questions]),
        "models": models,
        "judges": {
            judge.name: _model_entry(judge.model, records, "judges", judge.name)
            | {
                "reading": judge.reading,
                "prompts": {
                    kind: {"name": prompt.name, "sha256": digest([prompt.system, prompt.template])}
                    for kind, prompt in judge.prompts.items()
                },
            }
            for judge in spec.judges
        },
        "usage": usage(spec, records.answers, records.judgments)
        | _benchmark_usage(spec, benchmarks or {}),
        **measured,
    } | ({"imported": imported} if imported else {})


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the manifest of a run's folder."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    replace_file(folder / MANIFEST_FILE, text.encode())


def write_chat_templates(folder: Path, spec: RunSpec) -> None:
    """Write the exact chat templates of a run by the digest that its manifest has of each."""
    models = (*spec.models, *(judge.model for judge in spec.judges))
    texts = {digest(text): text for text in map(_chat_template, models) if text is not None}
    if texts:
        content = json.dumps(dict(sorted(texts.items())), indent=2, ensure_ascii=False) + "\n"
        replace_file(folder / TEMPLATES_FILE, content.encode())


def usage(
    spec: RunSpec, answers: Iterable[Answer], judgments: Iterable[Judgment]
) -> dict[str, dict[str, Any]]:
    """Return calls, tokens and US dollars by role, and in it by model.

    Dollars are None where no price is known.
    """
    candidates: dict[str, list[Usage]] = {model.name: [] for model in spec.models}
    for answer in answers:
        candidates.setdefault(answer.model, []).extend(turn.usage for turn in answer.turns)
    judges: dict[str, list[Usage]] = {judge.name: [] for judge in spec.judges}
    for judgment in judgments:
        judges.setdefault(judgment.judge, []).append(judgment.usage)
    models = {model.name: model for model in spec.models}
    judge_models = {judge.name: judge.model for judge in spec.judges}
    return {
        "candidates": _usage_by_model(candidates, models),
        "judges": _usage_by_model(judges, judge_models),
    }


def _benchmark_usage(
    spec: RunSpec, benchmarks: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """Return what benchmarks asked of endpoints, as `usage`; nothing where they asked none."""
    used: dict[str, list[Usage]] = {}
    count = 0
    for model, results in benchmarks.items():
        for about in results.values():
            if "calls" in about and "same_as" not in about:
                count += about["calls"]
                asked = Usage(
                    prompt_tokens=about["prompt_tokens"],
                    completion_tokens=about["completion_tokens"],
                )
                used.setdefault(model, []).append(asked)
    if not count:
        return {}
    summed = _usage_by_model(used, {model.name: model for model in spec.models})
    return {"benchmarks": summed | {"calls": count}}


def _usage_by_model(
    calls: Mapping[str, Sequence[Usage]], specs: Mapping[str, ModelSpec]
) -> dict[str, Any]:
    each = {name: _sum_usage(usages, specs.get(name)) for name, usages in calls.items()}
    priced = [own["usd"] for own in each.values() if own["usd"] is not None]
    return {
        **{name: sum(own[name] or 0 for own in each.values()) for name in _USAGE_COUNTS},
        "usd": round(sum(priced), 6) if priced else None,
        "by_model": each,
    }


def _sum_usage(usages: Sequence[Usage], spec: ModelSpec | None) -> dict[str, float | int | None]:
    priced = spec is not None and spec.prices.is_known
    return {
        "calls": len(usages),
        "prompt_tokens": _sum_counts(usage.prompt_tokens for usage in usages),
        "cached_tokens": _sum_counts(usage.cached_tokens for usage in usages),
        "completion_tokens": _sum_counts(usage.completion_tokens for usage in usages),
        "usd": round(sum(map(spec.usd, usages)), 6) if spec and priced else None,
    }


def _sum_counts(counts: Iterable[int | None]) -> int:
    return sum(count or 0 for count in counts)


def _model_entry(
    model: ModelSpec, records: RunRecords, role: str, name: str | None = None
) -> dict[str, Any]:
    before = records.manifest.get(role, {}).get(name or model.name, {}).get("commits", [])
    template = _chat_template(model)
    return {
        "backend": model.backend,
        "weights": model.weights,
        "revision": model.revision,
        "commits": list(dict.fromkeys((*before, *_hub_commit(model)))),
        "base_url": list(model.base_url),
        "api_name": model.api_name,
        "template": digest(template) if template is not None else None,
        "identity": digest(model.identity()),
    }


def _weight_change_cautions(models: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a caution for each model whose weights the hub changed between a run's parts."""
    for name, about in models.items():
        if len(about["commits"]) > 1:
            yield (
                f"The weights of {name} changed while this run was made: "
                f"{' then '.join(commit[:12] for commit in about['commits'])}."
            )


def _chat_template(model: ModelSpec) -> str | None:
    """Return the text of a model's chat template; None where its server has it, or none is used."""
    if model.template != TOKENIZER_TEMPLATE:
        return model.template
    return read_chat_template(model) if _is_loaded_here(model) else None


def _hub_commit(model: ModelSpec) -> tuple[str, ...]:
    found = find_hub_commit(model) if _is_loaded_here(model) else None
    return (found,) if found else ()


def _is_loaded_here(model: ModelSpec) -> bool:
    return find_backend(model.backend).occupies(model) is not None


def _package_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """Return the commit of the checkout that the code runs from, `-dirty` when it was changed."""
    here = Path(__file__).parents[1]
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],  # noqa: S607
            cwd=here,
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except OSError:
        return None
    return found.stdout.strip() or None
