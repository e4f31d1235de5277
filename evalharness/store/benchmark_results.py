"""Read and write the benchmark results in a run's folder.

`benchmarks/<model>--<suite>--<benchmark>.json` is one result, which is written only when it is
complete. The `.samples.jsonl` file next to it holds lm-eval's own record of every example.
`benchmarks.jsonl` is derived from the results.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from evalharness.domain import BenchmarkResult, BenchmarkSample, BenchmarkScore
from evalharness.errors import InputError
from evalharness.store.jsonl import (
    encode_record,
    read_numbered_records,
    replace_file,
    write_records,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

ExampleValues = dict[tuple[str, int], float]
"""Values by task and number of an example."""

BENCHMARKS_FOLDER = "benchmarks"
SCORES_FILE = "benchmarks.jsonl"
_SAMPLES_SUFFIX = ".samples.jsonl"


def read_benchmark_results(run: Path) -> list[BenchmarkResult]:
    """Return the results in a run's folder.

    Raises:
        InputError: a file is damaged.
    """
    found = []
    for path in sorted((run / BENCHMARKS_FOLDER).glob("*.json")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=BenchmarkResult))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            msg = f"{error}; remove the file, and `benchmark` makes it again"
            raise InputError(msg, path=path) from error
    return found


def write_benchmark_result(
    run: Path, result: BenchmarkResult, samples: Iterable[Mapping[str, Any]]
) -> None:
    """Write a result after all of its samples."""
    (run / BENCHMARKS_FOLDER).mkdir(exist_ok=True)
    stem = _result_path_stem(run, result)
    replace_file(_add_suffix(stem, _SAMPLES_SUFFIX), b"".join(map(encode_record, samples)))
    replace_file(_add_suffix(stem, ".json"), _encode_result(result))


def copy_benchmark_result(
    run: Path, result: BenchmarkResult, *, model: str, suite: str, benchmark: str
) -> BenchmarkResult:
    """Write a result and its samples under other names, for a request with the same digest."""
    copied = BenchmarkResult(
        model=model,
        suite=suite,
        benchmark=benchmark,
        digest=result.digest,
        scores=tuple(
            replace(
                score,
                model=model,
                suite=suite,
                benchmark=benchmark,
                task=benchmark if score.task == result.benchmark else score.task,
            )
            for score in result.scores
        ),
        about={**result.about, "same_as": f"{result.model}, {result.suite}, {result.benchmark}"},
    )
    samples = _add_suffix(_result_path_stem(run, result), _SAMPLES_SUFFIX).read_bytes()
    stem = _result_path_stem(run, copied)
    replace_file(_add_suffix(stem, _SAMPLES_SUFFIX), samples)
    replace_file(_add_suffix(stem, ".json"), _encode_result(copied))
    return copied


def remove_benchmark_result(run: Path, result: BenchmarkResult) -> None:
    """Delete a result and its samples."""
    for suffix in (".json", _SAMPLES_SUFFIX):
        _add_suffix(_result_path_stem(run, result), suffix).unlink(missing_ok=True)


def describe_benchmark_results(run: Path) -> dict[str, Any]:
    """Return the settings and versions of results by model and benchmark, for the manifest."""
    found: dict[str, Any] = {}
    for result in read_benchmark_results(run):
        if result.about:
            found.setdefault(result.model, {})[f"{result.suite}/{result.benchmark}"] = result.about
    return found


def write_benchmark_scores(run: Path, scores: Sequence[BenchmarkScore]) -> None:
    """Replace the content of `benchmarks.jsonl`."""
    write_records(run / SCORES_FILE, scores)


def read_benchmark_samples(run: Path, *, limit: int) -> list[BenchmarkSample]:
    """Return the first `limit` examples of each model and benchmark, spread over its tasks."""
    found: list[BenchmarkSample] = []
    for result in read_benchmark_results(run):
        path = _add_suffix(_result_path_stem(run, result), _SAMPLES_SUFFIX)
        rows = (row for _, row in read_numbered_records(path, dict[str, Any]))
        tasks = result.about.get("examples") or {}
        found += _take_first_samples(_convert_samples(rows, result), limit, max(1, len(tasks)))
    return found


def read_example_values(run: Path, models: Sequence[str]) -> dict[str, dict[str, ExampleValues]]:
    """Return the values of each benchmark's examples, by benchmark and model.

    A benchmark is named `suite/benchmark`. The value of an example is the mean over the metrics of
    the benchmark's figure. An example without a value is left out.

    Args:
        run: the run's folder.
        models: the models to read.

    Raises:
        InputError: a file is damaged.
    """
    found: dict[str, dict[str, ExampleValues]] = {}
    for result in read_benchmark_results(run):
        if result.model in models:
            path = _add_suffix(_result_path_stem(run, result), _SAMPLES_SUFFIX)
            rows = (row for _, row in read_numbered_records(path, dict[str, Any]))
            name = f"{result.suite}/{result.benchmark}"
            found.setdefault(name, {})[result.model] = _average_metrics(
                rows, result.scores[0].metric
            )
    return found


def _average_metrics(rows: Iterable[Mapping[str, Any]], figure: str) -> ExampleValues:
    metrics = [each.partition(",") for each in figure.split(" + ")]
    values: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        for metric, _, filter_name in metrics:
            value, has_filter = row.get(metric), not filter_name or row["filter"] == filter_name
            if has_filter and isinstance(value, (int, float)):
                values.setdefault((row["task"], row["doc_id"]), []).append(float(value))
    return {key: sum(each) / len(each) for key, each in values.items()}


def _take_first_samples(
    samples: Iterable[BenchmarkSample], limit: int, tasks: int
) -> Iterator[BenchmarkSample]:
    """Yield the first samples of each of `tasks` tasks, in total not many more than `limit`."""
    share = max(1, limit // tasks)
    taken: Counter[str] = Counter()
    for sample in samples:
        taken[sample.task] += 1
        if taken[sample.task] <= share:
            yield sample
        elif len(taken) == tasks and min(taken.values()) >= share:
            return  # stops early: a file may hold a hundred thousand examples


def _convert_samples(
    rows: Iterator[dict[str, Any]], result: BenchmarkResult
) -> Iterator[BenchmarkSample]:
    """Yield examples; where lm-eval filters a reply in several ways, with the first filter."""
    first_filters: dict[str, str] = {}
    for row in rows:
        if first_filters.setdefault(row["task"], row["filter"]) != row["filter"]:
            continue
        arguments = row["arguments"]
        compares = all(isinstance(each[-1], str) and len(each) > 1 for each in arguments)
        replies = [each[0] for each in row["resps"]]
        yield BenchmarkSample(
            model=result.model,
            benchmark=result.benchmark,
            task=row["task"],
            doc_id=row["doc_id"],
            prompt=str(arguments[0][0]),
            target=str(row["target"]),
            choices=tuple(_find_choices(arguments)) if compares else (),
            log_likelihoods=tuple(float(each[0]) for each in replies) if compares else (),
            reply="" if compares else str(replies[0]),
            metrics={
                name: float(row[name])
                for name in row["metrics"]
                if isinstance(row.get(name), (int, float))
            },
        )


def _find_choices(arguments: Sequence[Sequence[str]]) -> list[str]:
    """Return the texts that differ: usually the continuations, in WinoGrande the contexts."""
    continuations = [each[1] for each in arguments]
    return (
        [each[0] for each in arguments]
        if len(set(continuations)) == 1 < len(arguments)
        else continuations
    )


def _result_path_stem(run: Path, result: BenchmarkResult) -> Path:
    names = (result.model, result.suite, result.benchmark)
    return run / BENCHMARKS_FOLDER / "--".join(quote(name, safe="") for name in names)


def _add_suffix(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)


def _encode_result(result: BenchmarkResult) -> bytes:
    return msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"
