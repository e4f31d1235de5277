"""Pair designs keep the budget, are balanced and connected, and depend on the seed."""

from __future__ import annotations

from collections import Counter
from itertools import chain

from builders import MODELS
from hypothesis import given
from hypothesis import strategies as st

from evalharness.judge import draw_chain_pairs, draw_random_pairs, list_all_pairs

some_models = st.lists(st.sampled_from(MODELS), unique=True, min_size=2)
some_questions = st.integers(1, 12)
seeds = st.integers(0, 2**32)
budgets = st.integers(1, 20)


def plays(pairs, models):
    """Return the number of games of each model."""
    counted = Counter(chain.from_iterable(pairs))
    return [counted[model] for model in models]


def is_connected(pairs, models):
    """Return whether the pairs connect all models."""
    reached, grown = {models[0]}, True
    while grown:
        found = {name for pair in pairs if reached & set(pair) for name in pair} | reached
        grown, reached = found != reached, found
    return reached == set(models)


@given(models=some_models, questions=some_questions, seed=seeds, budget=st.none() | budgets)
def test_a_chain_keeps_its_budget_and_names_no_pair_twice_on_a_question(
    models, questions, seed, budget
):
    """The number of pairs is the budget, so the cost is as planned."""
    length = len(models) if len(models) > 2 else 1
    for drawn in draw_chain_pairs(models, questions, seed, budget=budget):
        assert len(set(drawn)) == len(drawn) == min(length, budget or length)
        assert set(drawn) <= {tuple(sorted(pair)) for pair in list_all_pairs(models)}


@given(models=some_models, questions=some_questions, seed=seeds)
def test_a_whole_chain_is_one_ring_on_every_question(models, questions, seed):
    """Every model plays twice, and any two are connected through the others."""
    for drawn in draw_chain_pairs(models, questions, seed):
        assert is_connected(drawn, models)
        if len(models) > 2:
            assert set(plays(drawn, models)) == {2}


@given(models=some_models, seed=seeds, budget=st.none() | budgets)
def test_chains_bring_up_every_pair(models, seed, budget):
    """K // 2 questions are enough for whole rings; a budget needs more laps."""
    laps = 1 if budget is None else -(-len(models) // budget)
    drawn = draw_chain_pairs(models, len(models) // 2 * laps, seed, budget=budget)

    assert set(chain.from_iterable(drawn)) == {
        tuple(sorted(pair)) for pair in list_all_pairs(models)
    }


@given(models=some_models, questions=some_questions, seed=seeds, budget=budgets)
def test_random_pairs_are_within_the_budget_balanced_and_connected(models, questions, seed, budget):
    """No model plays much more than another; K - 1 pairs connect K models."""
    drawn = draw_random_pairs(models, questions, seed, budget=budget)
    together = list(chain.from_iterable(drawn))
    size = min(budget, len(list_all_pairs(models)))

    assert [len(set(own)) for own in drawn] == [len(own) for own in drawn] == [size] * questions
    counts = plays(together, models)
    assert max(counts) - min(counts) <= 2
    if len(together) >= len(models) - 1:
        assert is_connected(together, models)


@given(models=some_models, questions=some_questions, seed=seeds, budget=budgets)
def test_the_same_seed_gives_the_same_pairs_in_any_order_of_models(models, questions, seed, budget):
    """A run that is resumed requests the same pairs, and an earlier question's never change."""
    again = list(reversed(models))
    drawn = draw_random_pairs(models, questions, seed, budget=budget)

    assert drawn == draw_random_pairs(again, questions, seed, budget=budget)
    assert drawn == draw_random_pairs(models, questions + 3, seed, budget=budget)[:questions]
    assert draw_chain_pairs(models, questions, seed) == draw_chain_pairs(again, questions, seed)


def test_another_seed_gives_other_pairs():
    """The pairs depend on the seed, not only on the names."""
    drawn = {str(draw_random_pairs(MODELS, 4, seed, budget=5)) for seed in range(5)}
    rings = {str(draw_chain_pairs(MODELS, 4, seed)) for seed in range(5)}

    assert (len(drawn), len(rings)) == (5, 5)


def test_a_single_model_has_no_pairs():
    """There are no pairs, and no error."""
    assert draw_chain_pairs(["vicuna-13b"], 2, 0) == [[], []]
    assert draw_random_pairs(["vicuna-13b"], 2, 0, budget=3) == [[], []]
