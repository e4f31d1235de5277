"""Test the Open LLM Leaderboard v2 over local files: its data, its mathematics, its counts."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace

import nltk
import pytest
from benchmark_suites import spec, write_lines

from evalharness.backends import ScriptedBackend
from evalharness.benchmarks import preparation as _preparing
from evalharness.benchmarks import prepare_suite
from evalharness.benchmarks.task_index import index_tasks
from evalharness.config import load_settings
from evalharness.domain import JudgingSpec, ModelSpec, RunSpec, RunStage, SuiteSpec
from evalharness.errors import ConfigError
from evalharness.planner import plan_benchmarks
from evalharness.runner import run_pipeline
from evalharness.store import RunFolder, read_benchmark_results

SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)
RUN = RunSpec(
    name="mine",
    models=(ModelSpec(name="vicuna-13b", backend="scripted"),),
    judges=(),
    questions=(),
    judging=JudgingSpec(),
)
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def _suite(data, *names):
    suite = load_settings(["models=[gpt-4]", "benchmarks=openllm_v2"]).run.suite
    return SuiteSpec(
        name=suite.name,
        benchmarks=tuple(each for each in suite.benchmarks if each.name in names),
        average=True,
        data_dir=str(data),
    )


def test_every_data_set_is_found_in_a_snapshot_of_the_hub(tmp_path):
    """The hub's own command downloads one folder for each repository."""
    for leaf in index_tasks().find_tasks("leaderboard_bbh").values():
        write_lines(tmp_path / "bbh" / leaf["dataset_name"] / "test.jsonl", [{"input": "a"}])
    for split in ("murder_mysteries", "object_placements", "team_allocation"):
        write_lines(tmp_path / "MuSR" / f"{split}.jsonl", [{"narrative": "a"}])
    for name in ("main", "extended", "diamond"):
        write_lines(tmp_path / "Idavidrein/gpqa" / f"gpqa_{name}/train.jsonl", [{"Question": "a"}])
    for split in ("test", "validation"):
        write_lines(tmp_path / "MMLU-Pro/data" / f"{split}.jsonl", [{"question": "a"}])
    ready = prepare_suite(_suite(tmp_path, "bbh", "gpqa", "musr", "mmlu_pro"))

    assert [len(each.tasks) for each in ready] == [24, 3, 3, 1]
    assert all(each.compares == each.tasks for each in ready)


async def test_mathematics_is_compared_in_a_thread_that_may_set_alarms(tmp_path):
    """math-verify works only in the main thread."""
    for subject in SUBJECTS:
        row = {
            "problem": f"What is half of one in {subject}?",
            "level": "Level 5",
            "type": subject,
            "solution": "It is $\\boxed{\\frac{1}{2}}$.",
        }
        write_lines(tmp_path / "data/MATH-lighteval" / subject / "test.jsonl", [row])
    run = replace(RUN, suite=_suite(tmp_path / "data", "math"))
    right = ScriptedBackend(
        lambda request: (
            "The final answer is $0.5$."
            if re.search("algebra|geometry", request.messages[-1].content)
            else "The final answer is $2$."
        )
    )
    with RunFolder.open(tmp_path / "run") as folder:
        await run_pipeline(
            run,
            folder,
            stages=(RunStage.BENCHMARK,),
            connect=lambda _spec: right,
            benchmarks=plan_benchmarks(run),
        )
        assert not folder.failures
    (whole, *_), *_ = [
        each.scores for each in read_benchmark_results(tmp_path / "run") if each.about
    ]

    assert whole.n == 7
    assert whole.metric == "exact_match"
    assert whole.value == whole.normalized == pytest.approx(4 / 7)
    assert whole.few_shot == 4
    assert len(right.requests) == 7
    assert len(right.requests[0].messages) == 9


def _punkt_tab(folder):
    """Write the smallest model of nltk's sentence splitter."""
    from nltk.tokenize.punkt import PunktTrainer, save_punkt_params

    trained = PunktTrainer("It rains. He sleeps. They came at noon. Nobody spoke.").get_params()
    (folder / "tokenizers/punkt_tab/english").mkdir(parents=True)
    nltk.data.path.append(str(folder))
    save_punkt_params(trained, str(folder / "tokenizers/punkt_tab/english"))


async def test_instructions_are_checked_by_the_benchmarks_own_code(tmp_path, monkeypatch):
    """Two of three instructions and one of two prompts are followed; the strict rates are averaged."""
    monkeypatch.setattr(nltk.data, "path", [])
    _punkt_tab(tmp_path / "nltk")
    rows = [
        {
            "key": 1,
            "prompt": "Name a fruit and a town without a comma, two words of it in capitals.",
            "instruction_id_list": ["punctuation:no_comma", "change_case:capital_word_frequency"],
            "kwargs": [{}, {"capital_frequency": 2, "capital_relation": "at least"}],
        },
        {
            "key": 2,
            "prompt": "Greet me and say goodbye.",
            "instruction_id_list": ["keywords:existence"],
            "kwargs": [{"keywords": ["goodbye"]}],
        },
    ]
    write_lines(tmp_path / "data/instruction-following-eval/train.jsonl", rows)
    suite = _suite(tmp_path / "data", "ifeval")
    run = replace(RUN, suite=suite)
    said = ScriptedBackend(
        lambda request: (
            "An APPLE and PARIS" if "fruit" in request.messages[-1].content else "Hello!"
        )
    )
    with RunFolder.open(tmp_path / "run") as folder:
        await run_pipeline(
            run,
            folder,
            stages=(RunStage.BENCHMARK,),
            connect=lambda _spec: said,
            benchmarks=plan_benchmarks(run),
        )
        assert not folder.failures
    (whole, *_), *_ = [
        each.scores for each in read_benchmark_results(tmp_path / "run") if each.about
    ]

    assert whole.n == 2
    assert whole.value == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_instructions_without_nltks_data_are_refused_before_any_call(tmp_path, monkeypatch):
    """Scoring needs the data, after every answer was paid for."""
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    monkeypatch.setattr(_preparing, "_NLTK_SOURCE", "https://127.0.0.1:9")
    row = {"key": 1, "prompt": "Hi", "instruction_id_list": [], "kwargs": []}
    write_lines(tmp_path / "data/instruction-following-eval/train.jsonl", [row])

    with pytest.raises(ConfigError, match=r"(?s)nltk's punkt_tab .* set NLTK_DATA=DIR"):
        plan_benchmarks(replace(RUN, suite=_suite(tmp_path / "data", "ifeval")))


async def test_a_group_that_lm_eval_collapses_is_a_failure_and_no_figure(tmp_path):
    """lm-eval 0.4.13 keeps one task of a group inside a group with settings."""
    folder = tmp_path / "tasks"
    write_lines(folder / "rows.jsonl", [{"q": "a", "a": "b"}])
    task = (
        "dataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\ntest_split: test\n"
        "doc_to_text: '{{q}}'\ndoc_to_target: '{{a}}'\n"
    )
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text(f"task: my_{name}\n{task}")
    (folder / "inner.yaml").write_text("group: my_inner\ntask: [my_one, my_two]\n")
    (folder / "outer.yaml").write_text(
        "group: my_outer\ntask: [{task: my_inner, num_fewshot: 0}]\n"
    )
    both = (spec("my_outer"), spec("my_inner"))
    run = replace(RUN, suite=SuiteSpec(name="mine", benchmarks=both, folders=(str(folder),)))
    with RunFolder.open(tmp_path / "run") as kept:
        planned = plan_benchmarks(run)
        await run_pipeline(run, kept, stages=(RunStage.BENCHMARK,), benchmarks=planned)
        (failure,) = kept.failures.values()

    assert failure.question_id == "my_outer"
    assert "lm-eval loads 1 tasks for my_outer, where its files name 2" in failure.detail
    assert [each.benchmark for each in read_benchmark_results(tmp_path / "run")] == ["my_inner"]


def test_modules_that_a_task_cannot_import_are_reported_before_the_run(tmp_path, monkeypatch):
    """The message has the command that installs it."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "math_verify" else found(name)
    )

    with pytest.raises(ConfigError, match=r"pip install 'evalharness\[leaderboard\]'"):
        prepare_suite(_suite(tmp_path, "math"))
