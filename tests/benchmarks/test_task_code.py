"""A folder of tasks runs its Python only once the user has confirmed it."""

from __future__ import annotations

import pytest

from evalharness.benchmarks import list_folder_tasks, list_task_code
from evalharness.cli import main
from evalharness.config import Trust, load_settings
from evalharness.errors import ConfigError, InputError

PLAIN = "task: mine\ndataset_path: json\noutput_type: multiple_choice\n"


@pytest.fixture
def tasks(tmp_path):
    """Return a folder with a task that includes a file elsewhere, which names a function."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "mine.yaml").write_text(f"include: ../common.yml\n{PLAIN}")
    (tmp_path / "common.yml").write_text(
        "doc_to_target: 0\nprocess_docs: !function utils.process\n"
        "metric_list:\n- metric: !<!function> os.system\n"
    )
    (tmp_path / "utils.py").write_text("raise SystemExit('it ran')\n")
    return folder


def test_functions_are_listed_with_file_and_line(tasks):
    """Also those of included files, and tags that are written in full."""
    assert list_task_code(tasks) == [
        f"{tasks}/../common.yml:2: !function utils.process",
        f"{tasks}/../common.yml:4: !function os.system",
    ]


def test_a_folder_with_functions_is_refused_until_they_are_confirmed(tasks, capsys):
    """A folder without any needs no confirmation; neither do the tasks of the package."""
    command = ["models=vicuna-13b", "judge=scripted", f"benchmarks={tasks}"]
    assert main(["plan", *command]) == 2
    said = capsys.readouterr().err
    assert "common.yml:2: !function utils.process\n" in said
    assert "repeat the command with --trust-code if it may run" in said
    trusted = load_settings(command, trust=Trust(code=True))
    assert trusted.run.suite.folders == (str(tasks),)

    (tasks / "mine.yaml").write_text(PLAIN)
    assert load_settings(command).run.suite.benchmarks[0].task == "mine"
    (tasks / "other.yaml").write_text("a: !function x.y\n")
    with pytest.raises(ConfigError, match="these tasks run Python"):
        load_settings(command)


def test_a_file_of_tasks_builds_no_objects_and_includes_no_circle(tasks):
    """Tags of Python are refused, and a file that includes itself ends."""
    (tasks / "mine.yaml").write_text(f"{PLAIN}a: !!python/object/apply:os.system [id]\n")
    with pytest.raises(InputError, match=r"mine\.yaml:4: not YAML"):
        list_task_code(tasks)
    (tasks / "mine.yaml").write_text(f"include: mine.yaml\n{PLAIN}")
    assert list_task_code(tasks) == []
    with pytest.raises(InputError, match="this file includes itself"):
        list_folder_tasks(tasks)


def test_templates_of_tasks_run_in_a_sandbox():
    """Jinja itself would let them reach any function of Python."""
    pytest.importorskip("lm_eval")
    from jinja2.exceptions import SecurityError
    from lm_eval import utils

    from evalharness.benchmarks.evaluation import sandbox_templates

    sandbox_templates()
    assert utils.apply_template("{{ a | regex_replace('x', 'y') }}", {"a": "axb"}) == "ayb"
    with pytest.raises(SecurityError):
        utils.apply_template("{{ cycler.__init__.__globals__.os.popen('id').read() }}", {})
