"""The beginning of a run, wherever it ends, is a balanced sample of its questions."""

from __future__ import annotations

from collections import Counter

from builders import question
from hypothesis import given
from hypothesis import strategies as st

from evalharness.judge import order_questions

categories = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 12), min_size=1)


def make_questions(sizes):
    """Return questions sorted by category, as files often have them."""
    return [
        question(f"{name}{number}", category=name)
        for name, size in sizes.items()
        for number in range(size)
    ]


@given(sizes=categories, seed=st.integers(0, 99))
def test_every_beginning_holds_its_share_of_each_category(sizes, seed):
    """A run that stops anywhere has asked as much of a category as of the others, give or take one."""
    questions = make_questions(sizes)

    ordered = order_questions(questions, seed)

    assert sorted(each.question_id for each in ordered) == sorted(
        each.question_id for each in questions
    )
    for length in range(1, len(ordered) + 1):
        counts = Counter(each.category for each in ordered[:length])
        shares = [counts[name] / size for name, size in sizes.items()]
        # Of two categories, one may be a question of its own ahead of the other.
        slack = sum(sorted(1 / size for size in sizes.values())[-2:])
        assert max(shares) - min(shares) < slack + 1e-9


def test_eight_questions_of_a_run_over_eight_categories_are_one_of_each():
    """MT-bench has ten questions of each of eight categories, one category after another."""
    ordered = order_questions(make_questions(dict.fromkeys("abcdefgh", 10)), seed=0)

    for start in range(0, 80, 8):
        assert {each.category for each in ordered[start : start + 8]} == set("abcdefgh")


@given(sizes=categories, seed=st.integers(0, 99), shuffle=st.randoms())
def test_the_order_depends_on_the_seed_and_not_on_the_file(sizes, seed, shuffle):
    """The same questions in another file are asked in the same order."""
    questions = make_questions(sizes)
    shuffled = shuffle.sample(questions, len(questions))

    assert order_questions(shuffled, seed) == order_questions(questions, seed)


def test_every_question_comes_early_under_some_seeds_and_late_under_others():
    """The sample is random: no question of a small or of a large category is always late."""
    questions = make_questions({"large": 6, "small": 1, "medium": 3})

    halves = Counter(
        each.question_id for seed in range(400) for each in order_questions(questions, seed)[:5]
    )

    assert len(halves) == 10
    # Each of ten questions is in the first half of about half of the orders.
    assert all(160 < number < 240 for number in halves.values())
