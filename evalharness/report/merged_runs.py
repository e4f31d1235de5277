"""Merge several runs over the same questions into one run, for one report.

Only the questions that all runs share are kept. A name that means the same answers, or the same
judge, in several runs is one model or judge. Otherwise the name of the run is added to it. The order of
the runs changes nothing: they are merged in the order of their names.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from evalharness.analysis import list_run_cautions, measure_run_progress
from evalharness.config import iterate_settings
from evalharness.domain import RunConfig, list_request_rules
from evalharness.errors import ConfigError
from evalharness.report.name_conflicts import (
    describe_conflicting_judges,
    describe_other_categories,
    find_conflicting_judges,
    find_conflicting_models,
    game_key,
    grade_key,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalharness.domain import Failure, Question, RunRecords

_RUN_SPECIFIC_SETTINGS = ("run", "results", "cautions")


@dataclass(frozen=True, slots=True, kw_only=True)
class _MergedNames:
    """The names of a run's models and judges in the merged run, where they change."""

    models: Mapping[str, str]
    judges: Mapping[str, str]

    @classmethod
    def of_run(
        cls, run: RunRecords, models: Iterable[str], judges: Iterable[str] = ()
    ) -> _MergedNames:
        """Add the name of a run to these models and judges."""
        return cls(
            models={name: f"{name} ({run.name})" for name in models},
            judges={name: f"{name} ({run.name})" for name in judges},
        )

    def model(self, name: str) -> str:
        return self.models.get(name, name)

    def judge(self, name: str) -> str:
        return self.judges.get(name, name)


def merge_runs(runs: Sequence[RunRecords]) -> RunRecords:
    """Return several runs merged into one, the same for every order of the runs.

    A judge whose judgments of the same answers differ is kept apart as two judges.

    Raises:
        ConfigError: two runs have the same name, the runs have no question in common, a
            question has the same identifier but another wording, or gold labels differ.
    """
    _check_distinct_names(runs)
    runs = sorted(runs, key=lambda run: run.name)
    questions = _common_questions(runs)
    kept = {question.question_id for question in questions}
    shared = [_only_questions(run, kept) if questions else run for run in runs]
    models = find_conflicting_models(shared)
    renamed = [_rename_records(run, _MergedNames.of_run(run, models)) for run in shared]
    judges = find_conflicting_judges(renamed)
    renamed = [_rename_records(run, _MergedNames.of_run(run, (), judges)) for run in renamed]
    cautions = [*describe_conflicting_judges(judges, runs), *describe_other_categories(runs)]
    return replace(
        renamed[0],
        name=" + ".join(run.name for run in runs),
        questions=questions,
        answers=_without_duplicates(
            (answer for run in renamed for answer in run.answers),
            lambda row: (row.model, row.question_id, row.sample),
        ),
        graded=_without_duplicates((row for run in renamed for row in run.graded), grade_key),
        games=_without_duplicates((row for run in renamed for row in run.games), game_key),
        votes=_without_duplicates(
            (vote for run in renamed for vote in run.votes),
            lambda row: (row.judge, *row.models, row.digest),
        ),
        failures=_open_failures(renamed),
        benchmarks=_without_duplicates(
            (score for run in renamed for score in run.benchmarks), lambda row: row
        ),
        config=_replace_models(
            renamed[0].config, {k: v for run in renamed for k, v in _model_configs(run).items()}
        ),
        manifest=_merged_manifest(runs, len(questions), cautions),
    )


def list_setting_differences(runs: Sequence[RunRecords]) -> list[tuple[str, list[Any]]]:
    """Return the settings in which runs differ, with the value in every run (None: not set).

    A model that only some runs have is not a difference in settings; the table shows it.
    """
    trees = [dict(iterate_settings(run.config.tree, ())) for run in runs]
    shared = set.intersection(*(set(_model_configs(run)) for run in runs))
    paths = dict.fromkeys(path for tree in trees for path in tree)
    found = []
    for path in paths:
        values = [tree.get(path) for tree in trees]
        is_model = path[0] == "models" and len(path) > 1
        if path[0] in _RUN_SPECIFIC_SETTINGS or (is_model and path[1] not in shared):
            continue
        if any(value != values[0] for value in values):
            found.append((".".join(path), values))
    return found


def _check_distinct_names(runs: Sequence[RunRecords]) -> None:
    repeated = [name for name, number in Counter(run.name for run in runs).items() if number > 1]
    if repeated:
        msg = f"{repeated[0]}: two of these runs have this name; give each once, or rename a folder"
        raise ConfigError(msg)


def _common_questions(runs: Sequence[RunRecords]) -> tuple[Question, ...]:
    """Return the questions that all runs share, in the order of the first run.

    They are empty only if no run has questions.
    """
    if not any(run.questions for run in runs):
        return ()  # votes without texts: their rows say what was asked
    first, *others = runs
    other_runs = [(run.name, {each.question_id: each for each in run.questions}) for run in others]
    shared = []
    for question in first.questions:
        for name, by_id in other_runs:
            if by_id.get(question.question_id, question).turns != question.turns:
                msg = (
                    f"question {question.question_id} was asked in other words in {name} than in "
                    f"{first.name}: these runs cannot be joined"
                )
                raise ConfigError(msg)
        if all(question.question_id in by_id for _, by_id in other_runs):
            shared.append(question)
    if not shared:
        msg = f"{' and '.join(run.name for run in runs)} have no question in common"
        raise ConfigError(msg)
    return tuple(shared)


def _only_questions(run: RunRecords, kept: set[str]) -> RunRecords:
    def within(rows: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(row for row in rows if row.question_id in kept)

    return replace(
        run,
        answers=within(run.answers),
        graded=within(run.graded),
        games=within(run.games),
        votes=within(run.votes),
        failures=within(run.failures),
    )


def _open_failures(runs: Sequence[RunRecords]) -> tuple[Failure, ...]:
    """Return the failures of requests that no run got a result for."""
    done = {row.digest for run in runs for row in (*run.answers, *run.judgments)}
    failures = (row for run in runs for row in run.failures if row.key not in done)
    return _without_duplicates(failures, lambda row: (row.stage, row.key, row.model, row.turn))


def _rename_records(run: RunRecords, names: _MergedNames) -> RunRecords:
    return replace(
        run,
        answers=tuple(replace(row, model=names.model(row.model)) for row in run.answers),
        graded=tuple(
            replace(row, model=names.model(row.model), judge=names.judge(row.judge))
            for row in run.graded
        ),
        games=tuple(_rename_pair(row, names) for row in run.games),
        votes=tuple(_rename_pair(row, names) for row in run.votes),
        failures=tuple(
            replace(row, model=names.judge(names.model(row.model))) for row in run.failures
        ),
        benchmarks=tuple(replace(row, model=names.model(row.model)) for row in run.benchmarks),
        config=_replace_models(
            run.config,
            {
                names.model(key): conf | {"name": names.model(conf.get("name", key))}
                for key, conf in _model_configs(run).items()
            },
        ),
    )


def _rename_pair(row: Any, names: _MergedNames) -> Any:
    return replace(
        row,
        model_a=names.model(row.model_a),
        model_b=names.model(row.model_b),
        judge=names.judge(row.judge),
    )


def _model_configs(run: RunRecords) -> dict[str, Any]:
    models = run.config.tree.get("models")
    return models if isinstance(models, dict) else {}


def _replace_models(config: RunConfig, models: Mapping[str, Any]) -> RunConfig:
    return RunConfig.from_tree({**config.tree, "models": models})


_MergedRow = TypeVar("_MergedRow")


def _without_duplicates(rows: Iterable[_MergedRow], key: Any) -> tuple[_MergedRow, ...]:
    """Return the rows without duplicates; the first row of each key is kept."""
    kept: dict[Any, _MergedRow] = {}
    for row in rows:
        kept.setdefault(key(row), row)
    return tuple(kept.values())


def _merged_request_rules(runs: Sequence[RunRecords]) -> dict[str, Any]:
    """Return what servers refused in any of the runs; without an entry if none did."""
    merged = {
        role: {
            name: rules.to_tree()
            for run in runs
            for name, rules in list_request_rules(run.manifest, role).items()
        }
        for role in ("models", "judges")
    }
    return {"request_rules": merged} if any(merged.values()) else {}


def _merged_manifest(
    runs: Sequence[RunRecords], shared: int, own_cautions: Sequence[str]
) -> dict[str, Any]:
    cautions = [each.sentence for run in runs for each in list_run_cautions(run)]
    cautions += own_cautions
    left_out = [
        f"{len(run.questions) - shared} of {run.name}'s {len(run.questions)}"
        for run in runs
        if len(run.questions) > shared
    ]
    if left_out:
        cautions.append(
            f"Only the {shared} questions that all runs share count; "
            f"left out: {', '.join(left_out)}."
        )
    return {
        "cautions": list(dict.fromkeys(cautions)),
        "finished": max((run.manifest.get("finished") or "" for run in runs), default=""),
        "usage": {
            f"{role} ({run.name})": usage
            for run in runs
            for role, usage in (run.manifest.get("usage") or {}).items()
        },
        **_merged_request_rules(runs),
        "joined": {
            "runs": [
                {
                    "name": run.name,
                    "finished": run.manifest.get("finished") or "",
                    "command": run.manifest.get("command") or "",
                    "questions": len(run.questions),
                    "stopped": measure_run_progress(run).stopped,
                    "models": sorted({answer.model for answer in run.answers}),
                }
                for run in runs
            ],
            "differences": [
                {"setting": setting, "values": values}
                for setting, values in list_setting_differences(runs)
            ],
        },
    }
