"""Test that names of tasks are found without lm-eval's own index, and that groups are complete."""

from __future__ import annotations

import subprocess
import sys

import pytest
from benchmark_suites import prepared

from evalharness.benchmarks.task_index import index_tasks, read_task_config
from evalharness.errors import ConfigError, InputError


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("hellaswag", 1),
        ("ai2_arc", 2),  # a tag, which one task has by inclusion
        ("mmlu", 57),
        ("leaderboard_bbh", 24),
        ("leaderboard", 39),
        ("openllm", 64),  # of which lm-eval itself loads 6
    ],
)
def test_a_name_stands_for_all_of_its_tasks(name, count):
    """The papers have the same counts."""
    assert len(index_tasks().find_tasks(name)) == count


def test_an_unknown_task_is_refused_with_close_matches():
    """The list of fourteen thousand names is too long to print."""
    with pytest.raises(ConfigError, match=r"no task, group or tag 'hellaswagg'.*mean hellaswag"):
        index_tasks().find_tasks("hellaswagg")


def test_a_group_with_too_few_tasks_is_refused():
    """A mean over some of the subjects would be called MMLU."""
    with pytest.raises(ConfigError, match="mmlu has 57 tasks; there must be 58"):
        prepared("mmlu", tasks=58)


def test_the_users_own_task_takes_precedence_over_lm_evals(tmp_path):
    """lm-eval's own --include_path has the same order."""
    (tmp_path / "gsm8k.yaml").write_text("task: gsm8k\noutput_type: multiple_choice\n")

    assert prepared("gsm8k", folders=[tmp_path]).compares == ("gsm8k",)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("task: [", "not YAML"),
        ("- task: mine", "must be a mapping"),
        ("task: mine\ninclude: no.yaml", "no such file"),
    ],
)
def test_a_broken_task_is_refused_with_its_file(tmp_path, content, problem):
    """lm-eval would skip the task without a message."""
    path = tmp_path / "mine.yaml"
    path.write_text(content)

    with pytest.raises(InputError, match=problem):
        read_task_config(path)


def test_tasks_are_prepared_without_importing_lm_eval():
    """The import takes seconds, and a finished run does not need it."""
    code = (
        "import sys\n"
        "from evalharness.config import load_settings\n"
        "from evalharness.benchmarks import prepare_suite\n"
        "prepare_suite(load_settings(['models=[smollm2-135m-plain]', 'benchmarks=openllm_v2']).run.suite)\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert not {"lm_eval", "torch", "transformers", "datasets"} & set(loaded)
