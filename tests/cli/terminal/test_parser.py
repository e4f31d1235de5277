"""What people type by mistake gets one line with what to type instead, and nothing is done."""

from __future__ import annotations

import shlex
from importlib.metadata import version

import pytest

from evalharness.cli import main
from evalharness.cli.terminal.parser import ParserExit

MISTAKES = {
    "rnu": "rnu: there is no such verb; did you mean run?; see evalharness --help",
    "RUN": "RUN: there is no such verb; did you mean run?; see evalharness --help",
    "compair a b c": "compair: there is no such verb; did you mean compare",
    "--json": "--json: the verb comes first, as in `evalharness run`",
    "--config_dir evaluation": "--config_dir: the verb comes first",
    "run --run foo": "--run: there is no such option; a setting is written without dashes: run=VALUE",
    "run --judge=gpt-4": "a setting is written without dashes: judge=gpt-4",
    "run --questions.limit 4": "a setting is written without dashes: questions.limit=VALUE",
    "run --retry-faled": "--retry-faled: there is no such option; did you mean --retry-failed?",
    "run --jsn": "--jsn: there is no such option; see evalharness run --help",
    "list": "missing: WHAT; write evalharness list WHAT",
    "list model": "WHAT model: there is no such choice; did you mean models?; there are models, judges",
    "report": "missing: RUN; write evalharness report RUN",
    "report a --to": "--to: a value is missing behind it",
    "compare r a": "missing: MODEL_B; write evalharness compare RUN MODEL_A MODEL_B",
    "compare r a b c": "c: one argument too many",
    "compare r a b --metric elo": "--metric elo: there is no such choice; there are rating, score",
    "compare r a b --max-drop -1": "--max-drop: a drop is a number from 0 up, not -1",
    "compare r a b --alpha 5": "--alpha: alpha is a number from 1e-09 to below 1, not 5",
    "import evalica votes.csv": "missing: --run; write evalharness import FORMAT PATH --run RUN",
    "export mt-bench example": "missing: --to; write evalharness export FORMAT RUN --to DIR",
    "prompt vicuna-13b": "missing: TEXT; write evalharness prompt MODEL TEXT",
    "cache --prune": "--prune: a value is missing behind it",
}
REFUSALS = {
    "plan '+models=[vicuna-13b,' 'alpaca-7b]'": "the list does not end; put the argument in quotes",
    "plan questions=mtbench": "there is no such choice; did you mean mt?",
    "plan run=results/foo": "run=results/foo: is looked for in results/; write run=foo",
    "plan run=/abs/path": "run=/abs/path: must be the name of one folder in results/",
    "report nosuch": "results/nosuch: there is no run here (no config.yaml)",
    "import mtbench data --run x": "there is no format 'mtbench'; did you mean mt-bench",
    "judge run=nosuch": "results/nosuch: there is no run here; `answer` or `run` first",
    "run run=nosuch --retry-failed": "results/nosuch: there is no run here",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_wrong_argument_is_refused_in_one_line(line, capsys):
    """Neither the words nor the usage block of the parser's library reach a user."""
    with pytest.raises(ParserExit) as refused:
        main(shlex.split(line))

    (said,) = capsys.readouterr().err.splitlines()
    assert refused.value.code == 2
    assert said.startswith("evalharness: ")
    assert MISTAKES[line] in said


@pytest.mark.parametrize("line", REFUSALS)
def test_a_wrong_value_is_refused_with_what_helps(line, capsys, tmp_path, monkeypatch):
    """Nothing is done, and no folder is made."""
    monkeypatch.chdir(tmp_path)

    assert main(shlex.split(line)) == 2

    assert REFUSALS[line] in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["", "help", "--help", "-h"])
def test_without_a_verb_the_help_lists_them(line, capsys):
    """It is what a newcomer types first."""
    with pytest.raises(ParserExit) as ended:
        main(shlex.split(line))

    assert ended.value.code == 0
    assert "verbs:\n  run " in capsys.readouterr().out


@pytest.mark.parametrize("line", ["help compare", "compare help", "compare --help"])
def test_a_verb_has_its_own_help(line, capsys):
    """However it is asked for."""
    with pytest.raises(ParserExit) as ended:
        main(shlex.split(line))

    assert ended.value.code == 0
    assert "RUN MODEL_A MODEL_B" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["--version", "version", "-V", "-v"])
def test_the_version_is_printed(word, capsys):
    """A report of a fault names it."""
    assert main([word]) == 0
    assert capsys.readouterr().out == f"evalharness {version('evalharness')}\n"
