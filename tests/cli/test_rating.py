"""Test `rating=NAME`: it selects the rating model of the leaderboard, built-in or custom."""

from __future__ import annotations

import json

import pytest

from evalharness.cli import main
from evalharness.config import load_settings
from evalharness.errors import ConfigError
from evalharness.stats import list_rating_models, rating_models

SCRIPTED = (
    "models=[vicuna-13b,alpaca-7b]",
    "models.vicuna-13b.backend=scripted",
    "models.alpaca-7b.backend=scripted",
    "judge=scripted",
    "questions.limit=8",
    "run=mine",
)
OWN_MODEL = '''
"""Bradley-Terry with all ratings drawn together."""

from dataclasses import replace

from evalharness.stats.estimation.rating_model import RatingModel
from evalharness.stats.rating_models.bradley_terry import bradley_terry


def drawn_together(battles, /, *, penalty=0.0, **settings):
    return replace(bradley_terry(battles, penalty=penalty + 9.0, **settings), method="Huddle")


RATING_MODEL = RatingModel(
    name="huddle",
    title="Huddle",
    fit=drawn_together,
    description="All ratings are drawn together.",
    source="A scratch file, 2026",
)
'''


@pytest.fixture(autouse=True)
def in_a_temporary_folder(tmp_path, monkeypatch):
    """Write results to a temporary folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def own_model(tmp_path, monkeypatch):
    """Add a module to the package's rating models, as a contributor would."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/huddle.py").write_text(OWN_MODEL)
    monkeypatch.setattr(
        rating_models, "__path__", [*rating_models.__path__, str(tmp_path / "models")]
    )
    list_rating_models.cache_clear()
    yield "huddle"
    list_rating_models.cache_clear()


def table(folder):
    """Return the ratings in a run's leaderboard.json."""
    rows = json.loads((folder / "leaderboard.json").read_text())
    return {row["model"]: row["rating"] for row in rows}


@pytest.mark.usefixtures("own_model")
def test_a_custom_rating_model_is_one_file(tmp_path, capsys):
    """Its name is enough for leaderboard.json, the tables, the page and `compare`."""
    folder = tmp_path / "results/mine"
    main(["run", *SCRIPTED])
    usual = table(folder)
    assert main(["run", *SCRIPTED, "rating=huddle"]) == 0
    capsys.readouterr()
    main(["compare", "mine", "vicuna-13b", "alpaca-7b"])
    page = (folder / "report.html").read_text()
    own = table(folder)

    assert max(own.values()) - min(own.values()) < max(usual.values()) - min(usual.values())
    assert "Ratings: Huddle" in (folder / "leaderboard.md").read_text()
    assert "Huddle" in capsys.readouterr().out
    assert "All ratings are drawn together." in page
    assert "A scratch file, 2026" in page
    names = [
        each["name"] for each in json.loads((folder / "robustness.json").read_text())["variants"]
    ]
    assert "Bradley-Terry" in names
    assert "Huddle" not in names


def test_another_rating_model_repeats_no_call(tmp_path):
    """Another rating model uses the same folder and the same judgments."""
    folder = tmp_path / "results/mine"
    main(["run", *SCRIPTED])
    before = (folder / "judgments.jsonl").read_bytes()
    assert main(["run", *SCRIPTED, "rating=elo"]) == 0

    assert (folder / "judgments.jsonl").read_bytes() == before
    assert "Ratings: online Elo" in (folder / "leaderboard.md").read_text()
    named = load_settings([*SCRIPTED[:-1], "rating=elo"]).run.name
    assert named == load_settings(SCRIPTED[:-1]).run.name


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["rating=davidsen"], "rating=davidsen: must be one of .* davidson"),
        (["rating=davidson", "judging.panel=rater"], "judging.panel=rater weighs judges with"),
    ],
)
def test_an_invalid_rating_model_is_refused_before_any_call(overrides, words):
    """A typing error costs no call, and judge weights need a rating model that supports them."""
    with pytest.raises(ConfigError, match=words):
        load_settings([*SCRIPTED, *overrides])
