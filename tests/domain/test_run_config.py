"""A saved configuration is decoded once; unused settings are kept as saved."""

from __future__ import annotations

import pytest

from evalharness.domain import PairDesign, PanelRule, Prices, Reading, RunConfig

TREE = {
    "models": {
        "vicuna": {
            "name": "vicuna-13b",
            "family": "llama",
            "prices": {"input": 1, "output": 2.0, "cached_input": None},
        },
        "koala-13b": {},
    },
    "judge": {
        "name": "gpt-4",
        "model": {"family": "gpt"},
        "reading": "json",
        "prompts": {"graded": {"name": "single-v1"}, "pairwise": {"name": "pair-v2"}},
    },
    "panel": {"second": {"name": "claude"}},
    "judging": {"pairs": "adaptive", "panel": "rater", "turns": [1], "baseline": None, "new": 1},
    "questions": {"name": "mt_bench"},
    "seed": 7,
}


def test_what_was_saved_is_decoded():
    """Strings become enumerations and lists become tuples."""
    config = RunConfig.from_tree(TREE)

    assert list(config.models) == ["vicuna-13b", "koala-13b"]
    assert config.models["vicuna-13b"].families == {"llama"}
    assert config.models["vicuna-13b"].prices == Prices(input=1.0, output=2.0)
    assert [(judge.name, judge.place) for judge in config.judges] == [
        ("gpt-4", "judge"),
        ("claude", "panel.second"),
    ]
    assert config.judges[0].model.families == {"gpt"}
    assert config.judges[0].reading is Reading.JSON
    assert config.judges[0].prompts == {"graded": "single-v1", "pairwise": "pair-v2"}
    assert config.judging.pairs is PairDesign.ADAPTIVE
    assert config.judging.panel is PanelRule.RATER
    assert (config.judging.turns, config.question_set, config.seed) == ((1,), "mt_bench", 7)
    assert config.tree is TREE


def test_what_was_not_saved_has_its_default():
    """An empty configuration is valid."""
    assert RunConfig.from_tree({}) == RunConfig()


@pytest.mark.parametrize(
    "tree",
    [
        {"models": ["vicuna-13b"], "judge": "gpt-4", "panel": None, "judging": "all"},
        {"questions": [], "seed": "seven", "judge": {"model": {"family": "gpt"}}},
        {"judge": {"name": 4}, "models": None},
    ],
)
def test_sections_of_another_shape_are_left_in_the_tree(tree):
    """The page can still show a configuration of another tool or version."""
    assert RunConfig.from_tree(tree) == RunConfig(tree=tree)


def test_an_unknown_reading_is_none():
    """Decisions that this version cannot read are not checked."""
    (judge,) = RunConfig.from_tree({"judge": {"name": "gpt-4", "reading": ["omens"]}}).judges

    assert judge.reading is None


@pytest.mark.parametrize(
    ("tree", "place"),
    [
        ({"judging": {"panel": "loudest"}}, "judging: .*panel"),
        ({"models": {"vicuna": {"prices": {"input": "free"}}}}, r"models\.vicuna\.prices: .*input"),
        ({"panel": {"b": {"name": "b", "model": {"prices": {"batch": "x"}}}}}, r"panel\.b\.model"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(tree, place):
    """An unknown value must not silently become a default."""
    with pytest.raises(ValueError, match=place):
        RunConfig.from_tree(tree)
