"""The tasks of a judge are complete, distinct, and in an order that is fair to all models."""

from __future__ import annotations

from itertools import combinations

import pytest
from builders import MODELS, question
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.domain import JudgeSpec, JudgingSpec, ModelSpec, PairDesign, RunSpec
from evalharness.errors import ConfigError
from evalharness.judge import (
    GradedTask,
    PairTask,
    find_own_family_models,
    list_graded_tasks,
    list_pair_tasks,
    list_showings,
    order_questions,
)
from evalharness.judge.tasks import list_design_cautions

ONE_TURN = question("1", turns=("Why?",))
TWO_TURNS = question("2", turns=("Why?", "And then?"))
judgings = st.builds(
    JudgingSpec,
    graded=st.booleans(),
    pairwise=st.booleans(),
    turns=st.none() | st.lists(st.integers(1, 3), unique=True).map(tuple),
    samples=st.integers(1, 3),
)


def count_calls(models, questions, judging):
    """Return the number of calls to one judge: one per grade, two per pair."""
    judge = JudgeSpec(name="judge", model=ModelSpec(name="j", backend="scripted"), prompts={})
    candidates = tuple(ModelSpec(name=name, backend="scripted") for name in models)
    spec = RunSpec(
        name="run", models=candidates, judges=(judge,), questions=questions, judging=judging
    )
    return len(list_showings(spec, judge))


def test_every_answer_is_graded_at_every_turn():
    """Questions may differ in their number of turns."""
    tasks = list_graded_tasks(["vicuna-13b", "alpaca-7b"], [ONE_TURN, TWO_TURNS], JudgingSpec())

    assert tasks == (
        GradedTask(question_id="1", turn=1, model="vicuna-13b"),
        GradedTask(question_id="1", turn=1, model="alpaca-7b"),
        GradedTask(question_id="2", turn=1, model="vicuna-13b"),
        GradedTask(question_id="2", turn=1, model="alpaca-7b"),
        GradedTask(question_id="2", turn=2, model="vicuna-13b"),
        GradedTask(question_id="2", turn=2, model="alpaca-7b"),
    )


def test_every_pair_is_compared_once_under_one_name():
    """Both orders are one task; the pair is named alphabetically, as in battles."""
    tasks = list_pair_tasks(["vicuna-13b", "koala-13b", "alpaca-7b"], [ONE_TURN], JudgingSpec())

    assert tasks == (
        PairTask(question_id="1", turn=1, model_a="koala-13b", model_b="vicuna-13b"),
        PairTask(question_id="1", turn=1, model_a="alpaca-7b", model_b="vicuna-13b"),
        PairTask(question_id="1", turn=1, model_a="alpaca-7b", model_b="koala-13b"),
    )


def test_with_a_baseline_only_pairs_with_it_are_compared():
    """A baseline makes the number of games grow with the models, not with their square."""
    judging = JudgingSpec(baseline="koala-13b")

    tasks = list_pair_tasks(MODELS, [ONE_TURN], judging)

    assert len(tasks) == len(MODELS) - 1
    assert all("koala-13b" in (task.model_a, task.model_b) for task in tasks)


def test_an_unknown_baseline_is_refused_with_the_models():
    """A misspelt baseline would silently leave nothing to compare."""
    judging = JudgingSpec(baseline="vicuna-31b")

    with pytest.raises(ConfigError, match=r"one of the models vicuna-13b, alpaca-7b; did you mean"):
        list_pair_tasks(["vicuna-13b", "alpaca-7b"], [ONE_TURN], judging)


def test_only_the_requested_turns_are_judged():
    """A question without such a turn is left out."""
    judging = JudgingSpec(turns=(2,))

    tasks = list_graded_tasks(["vicuna-13b"], [ONE_TURN, TWO_TURNS], judging)

    assert [(task.question_id, task.turn) for task in tasks] == [("2", 2)]


def test_one_model_is_graded_but_not_compared():
    """There is nothing to compare a single model with."""
    judging = JudgingSpec()

    assert count_calls(["vicuna-13b"], [TWO_TURNS], judging) == 2
    assert list_pair_tasks(["vicuna-13b"], [TWO_TURNS], judging) == ()


def test_the_calls_of_mt_bench_are_counted():
    """80 questions of two turns, six models: 960 grades, and 15 pairs in both orders."""
    questions = [question(str(number)) for number in range(81, 161)]

    assert count_calls(MODELS[:6], questions, JudgingSpec(pairwise=False)) == 960
    assert count_calls(MODELS[:6], questions, JudgingSpec(graded=False)) == 4800
    assert count_calls(MODELS[:6], questions, JudgingSpec()) == 5760


@settings(deadline=None)
@given(models=st.lists(st.sampled_from(MODELS), unique=True, max_size=5), judging=judgings)
def test_tasks_are_complete_distinct_and_question_by_question(models, judging):
    """A run that stops early has judged all models on the same questions."""
    questions = [ONE_TURN, TWO_TURNS]
    occasions = judging.samples * sum(
        judging.turns is None or turn in judging.turns
        for each in questions
        for turn in range(1, len(each.turns) + 1)
    )

    graded = list_graded_tasks(models, questions, judging)
    pairs = list_pair_tasks(models, questions, judging)

    assert len(set(graded)) == len(graded) == judging.graded * occasions * len(models)
    expected = judging.pairwise * occasions * len(list(combinations(models, 2)))
    assert len(set(pairs)) == len(pairs) == expected
    assert [task.question_id for task in graded] == sorted(task.question_id for task in graded)
    assert [task.question_id for task in pairs] == sorted(task.question_id for task in pairs)


designed = st.builds(
    JudgingSpec,
    turns=st.none() | st.lists(st.integers(1, 2), unique=True).map(tuple),
    samples=st.integers(1, 2),
    pairs=st.sampled_from((PairDesign.ALL, PairDesign.CHAIN, PairDesign.RANDOM)),
    budget_pairs=st.integers(1, 6),
    exclude_own_family=st.booleans(),
)


@given(
    families=st.dictionaries(
        st.sampled_from(MODELS), st.sampled_from((None, "x", "y")), min_size=2
    ),
    family=st.sampled_from((None, "x", "z")),
    judging=designed,
    seed=st.integers(0, 99),
)
def test_a_judges_family_is_never_judged_and_everything_else_is(families, family, judging, seed):
    """A judge leaves out exactly the tasks of its family; a seed gives the same tasks."""
    models = [ModelSpec(name=n, backend="scripted", family=f) for n, f in families.items()]
    judge = JudgeSpec(
        name="judge", model=ModelSpec(name="j", backend="scripted", family=family), prompts={}
    )
    names, questions = list(families), [ONE_TURN, TWO_TURNS]
    excluded = find_own_family_models(judge, models, judging)
    kin = {n for n, f in families.items() if family is not None and f == family}
    assert excluded == (kin if judging.exclude_own_family else set())

    grades = list_graded_tasks(names, questions, judging, excluded=excluded)
    pairs = list_pair_tasks(names, questions, judging, seed=seed, excluded=excluded)
    every = list_pair_tasks(names, questions, judging, seed=seed)

    assert {task.model for task in grades}.isdisjoint(excluded)
    assert pairs == tuple(t for t in every if not {t.model_a, t.model_b} & excluded)
    spec = RunSpec(
        name="run",
        models=tuple(models),
        judges=(judge,),
        questions=tuple(questions),
        judging=judging,
        seed=seed,
    )
    assert len(list_showings(spec, judge)) == len(grades) + 2 * len(pairs)
    assert len(set(every)) == len(every)


@given(judging=designed, seed=st.integers(0, 99))
def test_a_pair_drawn_for_a_question_is_compared_at_all_its_turns_and_samples(judging, seed):
    """The budget counts pairs a question; turns and samples multiply the calls."""
    drawn = {}
    for task in list_pair_tasks(MODELS[:5], [TWO_TURNS], judging, seed=seed):
        drawn.setdefault((task.turn, task.sample), []).append((task.model_a, task.model_b))

    turns = (1, 2) if judging.turns is None else judging.turns
    size = {
        PairDesign.ALL: 10,
        PairDesign.CHAIN: min(judging.budget_pairs, 5),
        PairDesign.RANDOM: judging.budget_pairs,
    }
    assert len({tuple(pairs) for pairs in drawn.values()}) == bool(turns)
    assert len(drawn) == judging.samples * len(turns)
    assert all(len(pairs) == size[judging.pairs] for pairs in drawn.values())


def test_work_goes_question_by_question_with_both_orders_of_a_pair_together():
    """Wherever a run stops, it has judged all models on the same questions of all categories."""
    questions = [question(f"{name}{n}", category=name) for name in "abcd" for n in range(3)]
    judge = JudgeSpec(name="judge", model=ModelSpec(name="j", backend="scripted"), prompts={})
    spec = RunSpec(
        name="run",
        models=tuple(ModelSpec(name=name, backend="scripted") for name in MODELS[:3]),
        judges=(judge,),
        questions=tuple(questions),
        judging=JudgingSpec(),
        seed=5,
    )

    showings = list_showings(spec, judge)

    asked = list(dict.fromkeys(task.question_id for task, _ in showings))
    assert asked == [each.question_id for each in order_questions(questions, seed=5)]
    assert asked != sorted(asked)
    calls = 2 * (3 + 2 * 3)  # turns; grades, and both orders of three pairs
    for number, question_id in enumerate(asked):
        own = showings[number * calls : (number + 1) * calls]
        assert {task.question_id for task, _ in own} == {question_id}
        assert [isinstance(task, GradedTask) for task, _ in own] == [True] * 6 + [False] * 12
        games = own[6:]
        for (task, first), (again, second) in zip(games[::2], games[1::2], strict=True):
            assert (task, first) == (again, second[::-1])


def test_random_pairs_without_a_budget_are_refused():
    """Without a budget, all pairs would be compared."""
    with pytest.raises(ConfigError, match=r"judging.pairs=random: judging.budget_pairs must say"):
        list_pair_tasks(MODELS[:3], [ONE_TURN], JudgingSpec(pairs=PairDesign.RANDOM))


@pytest.mark.parametrize("pairwise", [True, False])
@pytest.mark.parametrize("pairs", [None, *PairDesign])
def test_only_adaptive_pairs_bring_the_caution_of_an_adaptive_design(pairs, pairwise):
    """On a fixed design, the caution would be false."""
    cautions = list_design_cautions(JudgingSpec(pairs=pairs, pairwise=pairwise))

    assert bool(cautions) is (pairs is PairDesign.ADAPTIVE and pairwise)
