"""Test that every output shows the cautions from all sources, each once."""

from __future__ import annotations

import html
import json
from collections import Counter

import pytest
from builders import a_run, answer

import evalharness
from evalharness.analysis import BoundSide, BoundStatus, HealthCard, HealthMeasure, JudgeHealth
from evalharness.analysis import collect_cautions as collect
from evalharness.cli import main
from evalharness.report import publish_run, write_health_card
from evalharness.store import RunFolder

JUDGE = "This judge is too weak to trust."
OWN = "Prompts were changed halfway."
IMPORT = "Ratings mean nothing here."
SOURCES = {OWN: "run", JUDGE: "judge", IMPORT: "import"}


@pytest.fixture
def folder(tmp_path):
    """Return a run with cautions from the user, the judge, an import, an audit and an answer."""
    records = a_run(3, 4)
    empty = [answer("koala-13b", q.question_id, texts=("",)) for q in records.questions]
    kept = [each for each in records.answers if each.model != "koala-13b"]
    with RunFolder.open(tmp_path) as run:
        config = {"seed": 0, "cautions": [OWN], "judge": {"name": "gpt-4", "caution": JUDGE}}
        run.write_config(config, records.questions)
        for each in (*kept, *empty):
            run.add_answer(each)
        for each in records.judgments:
            run.add_judgment(each)
    imported = [{"format": "llmbar", "files": {}, "cautions": [IMPORT]}]
    manifest = {"cautions": [OWN, JUDGE, IMPORT], "imported": imported}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    write_health_card(tmp_path, _missed_card())
    return tmp_path


def _missed_card():
    """Return the card of a judge with low repeatability."""
    missed = HealthMeasure(
        name="repeatability",
        title="same verdict when asked again",
        value=0.5,
        low=0.4,
        high=0.6,
        count=20,
        questions=4,
        side=BoundSide.FLOOR,
        bound=0.9,
        status=BoundStatus.MISSED,
    )
    judge = JudgeHealth(judge="gpt-4", measures=(missed,))
    return HealthCard(judges=(judge,), judgments=0, probes=20)


def _sources(board):
    return {each.sentence: each.source for each in board.cautions}


def test_every_source_is_on_the_leaderboard_and_named(folder):
    """The sources are the user, the judge, an import, an audit and the answers."""
    board = publish_run(folder)
    found = _sources(board)

    assert {sentence: found[sentence] for sentence in SOURCES} == SOURCES
    assert {"audit", "flags"} <= set(found.values())
    assert max(Counter(each.sentence for each in board.cautions).values()) == 1


def test_every_file_of_a_run_shows_each_caution_once(folder):
    """Every file has all cautions, and no file repeats one."""
    board = publish_run(folder)
    page = html.unescape((folder / "report.html").read_text(encoding="utf-8"))
    top = page[page.index('<aside class="cautions"') :].partition("</aside>")[0]
    markdown = (folder / "leaderboard.md").read_text(encoding="utf-8")
    latex = (folder / "leaderboard.tex").read_text(encoding="utf-8")

    for each in board.cautions:
        assert top.count(each.sentence) == 1
        assert markdown.count(f"Caution ({each.source}): {each.sentence}") == 1
        assert latex.count(f"% Caution ({each.source}): {each.sentence}") == 1


def test_the_terminal_shows_each_caution_once(folder, capsys):
    """`report` prints them on stderr, `compare` next to its decision."""
    board = publish_run(folder)
    models = [row.model for row in board.rows[:2]]
    lines = sorted(map(str, board.cautions))

    assert main(["report", str(folder)]) == 0
    reported = capsys.readouterr().err.splitlines()
    main(["compare", str(folder), *models])
    compared = capsys.readouterr().out.splitlines()

    assert sorted(reported) == [f"evalharness: {line}" for line in lines]
    assert sorted(line for line in compared if line.startswith("caution (")) == lines


def test_data_frames_carry_the_cautions_in_their_attributes(folder):
    """Notebooks show figures without the page."""
    board = publish_run(folder)
    run = evalharness.load_run(folder)
    expected = [{"source": each.source, "sentence": each.sentence} for each in board.cautions]

    for frame in (run.leaderboard, run.corrected, run.robustness):
        assert frame.attrs["cautions"] == expected


def test_a_run_without_a_manifest_has_the_cautions_of_its_configuration(folder):
    """A killed run also has the caution about its judge."""
    (folder / "manifest.json").unlink()

    found = _sources(publish_run(folder))

    assert (found[OWN], found[JUDGE]) == ("run", "judge")
    assert IMPORT not in found


def test_a_run_without_problems_has_no_caution():
    """Readers ignore cautions that are always present."""
    assert collect(a_run()) == ()
