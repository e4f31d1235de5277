"""Results of benchmarks in a run's folder."""

from __future__ import annotations

import pytest

from evalharness.domain import BenchmarkResult
from evalharness.errors import InputError
from evalharness.store import read_benchmark_results, read_benchmark_samples, write_benchmark_result


def _row(task, number, **changes):
    return {
        "task": task,
        "doc_id": number,
        "filter": "none",
        "arguments": [["What is ice?", " fire"], ["What is ice?", " water"]],
        "resps": [[[-3.5, False]], [[-1.25, True]]],
        "target": 1,
        "metrics": ["acc"],
        "acc": 1.0,
        **changes,
    }


def _result(benchmark="mmlu", tasks=("law", "art")):
    examples = {task: {"effective": 40} for task in tasks}
    return BenchmarkResult(
        model="a/b",
        suite="mine",
        benchmark=benchmark,
        digest="key",
        scores=(),
        about={"examples": examples},
    )


def test_a_result_and_its_first_samples_come_back(tmp_path):
    """Each task gets an equal share, independent of its position; a model's name is not used as a path."""
    result = _result()
    rows = [_row(task, number) for task in ("law", "art") for number in range(40)]
    write_benchmark_result(tmp_path, result, rows)

    assert read_benchmark_results(tmp_path) == [result]
    samples = read_benchmark_samples(tmp_path, limit=10)
    assert [(each.task, each.doc_id) for each in samples] == [
        (task, number) for task in ("law", "art") for number in range(5)
    ]
    assert samples[0].choices == (" fire", " water")
    assert samples[0].log_likelihoods == (-3.5, -1.25)
    assert (samples[0].target, dict(samples[0].metrics)) == ("1", {"acc": 1.0})


def test_a_written_reply_is_shown_once_however_it_is_read(tmp_path):
    """GSM8K applies two filters to every reply."""
    asked = {"arguments": [["1 + 1?", {"until": ["Q:"]}]], "resps": [["It is 2."]]}
    rows = [_row("gsm8k", 0, **asked, filter=name) for name in ("strict", "flexible")]
    write_benchmark_result(tmp_path, _result("gsm8k", ("gsm8k",)), rows)

    (sample,) = read_benchmark_samples(tmp_path, limit=10)

    assert (sample.prompt, sample.reply, sample.choices) == ("1 + 1?", "It is 2.", ())


def test_texts_before_one_continuation_are_the_choices(tmp_path):
    """WinoGrande compares contexts before the same continuation."""
    asked = {"arguments": [["The cup", " was big"], ["The box", " was big"]]}
    write_benchmark_result(tmp_path, _result(tasks=("a",)), [_row("a", 0, **asked)])

    assert read_benchmark_samples(tmp_path, limit=1)[0].choices == ("The cup", "The box")


def test_a_damaged_result_is_refused_with_its_file(tmp_path):
    """The result is computed again after it is removed."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "a--b--c.json").write_text("{")

    with pytest.raises(InputError, match=r"a--b--c\.json: .*`benchmark` makes it again"):
        read_benchmark_results(tmp_path)
