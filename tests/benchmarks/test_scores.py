"""Test the score of a whole benchmark, its normalization, and the average of a suite."""

from __future__ import annotations

import random

import pytest
from benchmark_suites import prepared

from evalharness.benchmarks import average_suite, normalize_score, prepare_suite
from evalharness.benchmarks.scores import collect_scores
from evalharness.benchmarks.task_index import index_tasks
from evalharness.config import load_settings
from evalharness.errors import ConfigError


def _suite(name):
    return load_settings(["models=[gpt-4]", f"benchmarks={name}"]).run.suite


@pytest.fixture(scope="module")
def v2():
    """Return the Open LLM Leaderboard v2."""
    return _suite("openllm_v2")


def _results(ready, values, *, sizes=None, groups=None):
    """Return results in lm-eval's form: values and errors by task and metric."""
    return {
        "results": {
            name: {"alias": name, "name": name, "sample_len": 10}
            | {f"{metric},none": value for metric, value in metrics.items()}
            | {f"{metric}_stderr,none": 0.1 for metric in metrics}
            for name, metrics in (values | (groups or {})).items()
        },
        "n-samples": {name: {"effective": (sizes or {}).get(name, 100)} for name in values},
        "n-shot": dict.fromkeys(values, 3),
        "group_subtasks": {ready.spec.task: list(values)} if groups else {},
    }


def _scores(ready, results):
    return collect_scores(results, ready, model="vicuna-13b", suite="mine", chat_template=False)


def _ready(suite, name):
    return next(each for each in prepare_suite(suite) if each.spec.name == name)


@pytest.mark.parametrize(
    ("value", "bound", "expected"),
    [(0.25, 0.25, 0.0), (1.0, 0.25, 1.0), (0.1, 0.25, 0.0), (0.4, 0.1, 1 / 3)],
)
def test_guessing_is_worth_nothing(value, bound, expected):
    """The leaderboard's own documentation has these values."""
    assert normalize_score(value, bound) == pytest.approx(expected)


def test_guessing_in_every_bbh_task_is_worth_nothing(v2):
    """The 24 bounds are one divided by the numbers of choices in lm-eval's own tasks."""
    ready = _ready(v2, "bbh")
    leaves = index_tasks().find_tasks("leaderboard_bbh")
    choices = {name: len(config["doc_to_choice"]) for name, config in leaves.items()}
    guessed = {name: {"acc_norm": 1 / count} for name, count in choices.items()}

    whole = _scores(ready, _results(ready, guessed))[0]

    assert len(guessed) == 24
    assert whole.normalized == pytest.approx(0.0, abs=1e-12)
    assert whole.value == pytest.approx(sum(1 / count for count in choices.values()) / 24)


def test_tasks_are_normalized_one_by_one(v2):
    """A strong task cannot make up for one below guessing before both are normalized."""
    ready = _ready(v2, "musr")
    murder, objects, teams = ready.tasks
    values = {murder: 0.6, objects: 0.1, teams: 0.5}
    results = _results(
        ready,
        {name: {"acc_norm": value} for name, value in values.items()},
        sizes={murder: 250, objects: 256, teams: 250},
        groups={"leaderboard_musr": {"acc_norm": 0.398}},
    )

    whole, *others = _scores(ready, results)

    assert murder == "leaderboard_musr_murder_mysteries"
    assert whole.value == pytest.approx(0.4)
    assert whole.normalized == pytest.approx((0.2 + 0 + 0.25) / 3)
    assert whole.stderr == pytest.approx(0.1 / 3**0.5)
    assert whole.n == 756
    assert {(each.task, each.value, each.n) for each in others} == {
        (murder, 0.6, 250),
        (objects, 0.1, 256),
        (teams, 0.5, 250),
        ("leaderboard_musr", 0.398, 756),
    }


def test_ifeval_is_the_mean_of_its_two_strict_rates(v2):
    """Its standard error is at most the mean of theirs, because the prompts are the same."""
    ready = _ready(v2, "ifeval")
    metrics = {
        "prompt_level_strict_acc": 0.3,
        "inst_level_strict_acc": 0.4,
        "prompt_level_loose_acc": 0.9,
        "inst_level_loose_acc": 0.9,
    }

    whole = _scores(ready, _results(ready, {"leaderboard_ifeval": metrics}))[0]

    assert whole.value == whole.normalized == pytest.approx(0.35)
    assert whole.stderr == pytest.approx(0.1)
    assert whole.metric == "inst_level_strict_acc + prompt_level_strict_acc"


def test_mmlu_counts_each_subject_equally():
    """This is the mean of the leaderboard v1; lm-eval's mean by size is listed as well."""
    ready = _ready(_suite("openllm_v1"), "mmlu")
    draw = random.Random(0)
    values = {name: {"acc": draw.random()} for name in ready.tasks}
    results = _results(ready, values, groups={"mmlu": {"acc": 0.123}})

    whole, *others = _scores(ready, results)

    assert len(values) == 57
    assert whole.value == pytest.approx(sum(each["acc"] for each in values.values()) / 57)
    by_size = [each for each in others if each.task == "mmlu"]
    assert [(each.value, each.metric) for each in by_size] == [(0.123, "acc, by size")]


def test_the_average_of_a_suite_is_plain_and_waits_for_all(v2):
    """The mean over five of six benchmarks is not the average of the Open LLM Leaderboard."""
    found = []
    for number, ready in enumerate(prepare_suite(v2)):
        metrics = dict.fromkeys(ready.spec.metrics, 0.5 + number / 20)
        found.append(_scores(ready, _results(ready, dict.fromkeys(ready.tasks, metrics)))[0])

    mean = average_suite(found, v2)

    assert average_suite(found[:-1], v2) is None
    assert mean.value == pytest.approx(sum(each.value for each in found) / 6)
    assert mean.normalized == pytest.approx(sum(each.normalized for each in found) / 6)
    assert mean.normalized < mean.value
    assert mean.stderr == pytest.approx(sum(each.stderr**2 for each in found) ** 0.5 / 6)
    assert (mean.benchmark, mean.metric, mean.headline) == ("openllm_v2", "average", True)


def test_a_metric_that_the_task_does_not_have_is_refused():
    """The message lists the metrics that the task has."""
    ready = prepared("gsm8k", metrics=("acc",))
    results = _results(ready, {"gsm8k": {"exact_match": 0.1}})

    with pytest.raises(ConfigError, match="gsm8k has no metric 'acc'; there are: exact_match"):
        _scores(ready, results)


def test_an_error_that_is_not_known_stays_unknown():
    """lm-eval writes N/A if it has no standard error."""
    ready = prepared("gsm8k")
    results = _results(ready, {"gsm8k": {"exact_match": 0.1}})
    results["results"]["gsm8k"]["exact_match_stderr,none"] = "N/A"

    assert _scores(ready, results)[0].stderr is None
