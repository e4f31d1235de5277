"""Build the manifest of a run: versions, code, hashes, seeds, and usage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalharness.analysis import DAMAGE, STAGES, STOPPED, count_served_judges, count_served_models
from evalharness.backends import find_address, find_backend, find_hub_commit, read_chat_template
from evalharness.config import describe_software
from evalharness.domain import TOKENIZER_TEMPLATE, RunStage, compute_digest
from evalharness.runner.calls.rule_record import REQUEST_RULES
from evalharness.runner.calls.session import UNRECORDED_CALLS
from evalharness.runner.usage import sum_benchmark_usage, sum_usage_by_role
from evalharness.store import (
    current_timestamp,
    describe_benchmark_results,
    read_manifest,
    read_trials,
    update_manifest,
    write_chat_templates,
    write_manifest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from evalharness.domain import Judgment, ModelSpec, RunRecords, RunSpec, SuiteSpec

_KEPT = ("imported", REQUEST_RULES, STAGES, UNRECORDED_CALLS, DAMAGE)


def build_manifest(
    spec: RunSpec,
    records: RunRecords,
    *,
    command: str,
    finished: str,
    benchmarks: Mapping[str, Any] | None = None,
    published: Sequence[Mapping[str, Any]] = (),
    trials: Iterable[Judgment] = (),
    stopped: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the manifest.

    Args:
        spec: what was run.
        records: what the folder holds; the imports and what servers refused are kept.
        command: the command that repeats it.
        finished: the time, in ISO 8601.
        benchmarks: the settings behind each benchmark result, by model and benchmark.
        published: published scores of the models.
        trials: the trial verdicts of its judges.
        stopped: why the work ended before its end, if it did.
    """
    measured: dict[str, Any] = {"benchmarks": benchmarks} if benchmarks else {}
    if published:
        measured["published"] = list(published)
    imported = records.manifest.get("imported", [])
    kept = {name: records.manifest[name] for name in _KEPT if records.manifest.get(name)}
    imported_cautions = (caution for each in imported for caution in each["cautions"])
    served = count_served_models(records), count_served_judges(records)
    models = {
        model.name: _model_entry(model, records, "models", model.name)
        | _list_served(served[0], model.name)
        for model in spec.models
    }
    return {
        "command": command,
        "finished": finished,
        **({STOPPED: "; ".join(stopped)} if stopped else {}),
        "seed": spec.seed,
        **_describe_template_date(spec),
        "cautions": list(
            dict.fromkeys((*spec.cautions, *imported_cautions, *_weight_change_cautions(models)))
        ),
        **describe_software(),
        "questions": compute_digest(
            [[q.question_id, q.turns, q.references] for q in spec.questions]
        ),
        "models": models,
        "judges": {
            judge.name: _model_entry(judge.model, records, "judges", judge.name)
            | _list_served(served[1], judge.name)
            | {
                "reading": judge.reading,
                "prompts": {
                    kind: {
                        "name": prompt.name,
                        "sha256": compute_digest([prompt.system, prompt.template]),
                    }
                    for kind, prompt in judge.prompts.items()
                },
            }
            for judge in spec.judges
        },
        "usage": sum_usage_by_role(spec, records.answers, records.judgments, trials)
        | sum_benchmark_usage(spec, benchmarks or {}),
        **measured,
    } | kept


def write_run_manifest(
    folder: Path,
    spec: RunSpec,
    records: RunRecords,
    *,
    command: str,
    published: Sequence[Mapping[str, Any]] = (),
    stopped: Sequence[str] = (),
) -> None:
    """Write the manifest of a run and the chat templates that it names by their digests.

    Args:
        folder: the run's folder.
        spec: what was run.
        records: what the folder holds.
        command: the command that repeats the run.
        published: published scores of the models.
        stopped: why the work ended before its end, if it did.
    """
    content = build_manifest(
        spec,
        records,
        command=command,
        finished=current_timestamp(),
        benchmarks=describe_benchmark_results(folder),
        published=published,
        trials=read_trials(folder),
        stopped=stopped,
    )
    write_manifest(folder, content)
    models = (*spec.models, *(judge.model for judge in spec.judges))
    texts = {compute_digest(text): text for text in map(_chat_template, models) if text is not None}
    write_chat_templates(folder, texts)


def record_run_start(folder: Path, stages: Sequence[RunStage], suite: SuiteSpec) -> None:
    """Write into the manifest which stages are requested, and that they have no end yet.

    A run that is killed leaves the manifest so, which shows that it is not whole.

    Args:
        folder: the run's folder.
        stages: the stages of this session; those of earlier ones are kept.
        suite: the benchmarks; without any, there is no stage of benchmarks.
    """
    known = {*read_manifest(folder).get(STAGES, ()), *stages}
    if not suite.benchmarks:
        known -= {RunStage.BENCHMARK}
    requested = [stage.value for stage in RunStage if stage in known]
    update_manifest(folder, {"finished": "", STOPPED: "", STAGES: requested})


def _model_entry(model: ModelSpec, records: RunRecords, role: str, name: str) -> dict[str, Any]:
    before = records.manifest.get(role, {}).get(name, {}).get("commits", [])
    template = _chat_template(model)
    return {
        "backend": model.backend,
        "weights": model.get_setting("weights"),
        "revision": model.get_setting("revision"),
        "commits": list(dict.fromkeys((*before, *_hub_commit(model)))),
        "base_url": list(model.get_setting("base_url") or ()),
        "address": _list_addresses(model),
        "api_name": model.get_setting("api_name"),
        "template": compute_digest(template) if template is not None else None,
        "fingerprint": model.fingerprint,
        "identity": compute_digest(model.identity()),
    }


def _list_addresses(model: ModelSpec) -> list[str]:
    """Return the addresses that are used, which the environment may have moved."""
    address = find_address(model)
    return list(address.urls) if address else []


def _list_served(served: Mapping[str, Mapping[str, int]], name: str) -> dict[str, Any]:
    """Return what a model's server reported to run, with the number of replies, if it did."""
    return {"served": dict(served[name])} if name in served else {}


def _weight_change_cautions(models: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a caution for each model that changed on the hub during the run."""
    for name, about in models.items():
        if len(about["commits"]) > 1:
            yield (
                f"The weights of {name} changed while this run was made: "
                f"{' then '.join(commit[:12] for commit in about['commits'])}."
            )


def _chat_template(model: ModelSpec) -> str | None:
    """Return the text of a model's chat template; None if it is unknown or none is used."""
    if model.template != TOKENIZER_TEMPLATE:
        return model.template
    return read_chat_template(model) if _is_loaded_here(model) else None


def _describe_template_date(spec: RunSpec) -> dict[str, str]:
    """Return the day that the chat templates write; nothing if none of them writes one."""
    texts = map(_chat_template, (*spec.models, *(judge.model for judge in spec.judges)))
    is_written = any("strftime_now" in text for text in texts if text is not None)
    return {"template_date": spec.template_date} if spec.template_date and is_written else {}


def _hub_commit(model: ModelSpec) -> tuple[str, ...]:
    found = find_hub_commit(model) if _is_loaded_here(model) else None
    return (found,) if found else ()


def _is_loaded_here(model: ModelSpec) -> bool:
    return find_backend(model.backend).name_memory(model) is not None
