"""The probabilities of options, read from the likeliest first tokens."""

from __future__ import annotations

import math

import pytest

from evalharness.backends.openai.replies.option_probabilities import (
    AmbiguousOptionError,
    option_probabilities,
)

GRADES = tuple(f"{score}]]" for score in range(1, 11))


def _tokens(**shares):
    return [(token, math.log(share)) for token, share in shares.items()]


@pytest.mark.parametrize(
    ("options", "shares", "expected"),
    [
        (("A", "B", "C"), {"A": 0.5, " B": 0.3, "The": 0.1}, (0.5, 0.3, 0)),
        (("A", "B"), {"A": 0.5, " A": 0.25}, (0.75, 0)),
        (("A", "B", "tie"), {"t": 0.5, "A": 0.25}, (0.25, 0, 0.5)),
        (("yes", "yet"), {"ye": 0.0009}, (0, 0)),
        (("1", "10"), {"1": 0.5, "10": 0.25}, (0.5, 0.25)),
        (("A", "B"), {" ": 0.5, "": 0.25}, (0, 0)),
        (("A", "B"), {"Actually": 0.9}, (0, 0)),
    ],
)
def test_a_token_counts_for_the_option_it_equals_or_alone_begins(options, shares, expected):
    """Probability that cannot be told apart is given to nobody."""
    found = option_probabilities(options, _tokens(**shares))

    assert found == pytest.approx(expected)
    assert sum(found) <= sum(shares.values()) + 1e-9


def test_one_and_ten_are_told_apart_where_the_tokenizer_does():
    """A tokenizer that writes 10 in one token means 1 by 1."""
    found = option_probabilities(GRADES, _tokens(**{"1": 0.5, "10": 0.25, "7": 0.2}))

    assert found == pytest.approx((0.5, 0, 0, 0, 0, 0, 0.2, 0, 0, 0.25))


def test_a_tokenizer_that_may_spell_ten_by_digits_is_not_guessed_at():
    """The mean over the other grades would be wrong without a warning: 8.55 in place of 4.9 or 9.2."""
    tokens = _tokens(**{"1": 0.45, "9": 0.3, "8": 0.25})
    with pytest.raises(AmbiguousOptionError, match="reading=text") as caught:
        option_probabilities(GRADES, tokens)

    assert caught.value.begun == ("1]]", "10]]")
    known = option_probabilities(GRADES, tokens, are_whole=True)
    assert known == pytest.approx((0.45, 0, 0, 0, 0, 0, 0, 0.25, 0.3, 0))


def test_what_is_too_unlikely_to_matter_is_given_to_nobody():
    """It moves no mean grade by a hundredth."""
    found = option_probabilities(GRADES, _tokens(**{"1": 0.0005, "9": 0.9}))

    assert found == pytest.approx((0, 0, 0, 0, 0, 0, 0, 0, 0.9, 0))
