"""The probabilities of options, read from the likeliest first tokens."""

from __future__ import annotations

import math

import pytest

from evalharness.backends.openai.replies.option_probabilities import option_probabilities

GRADES = tuple(f"{score}]]" for score in range(1, 11))


def _tokens(**shares):
    return [(token, math.log(share)) for token, share in shares.items()]


@pytest.mark.parametrize(
    ("options", "shares", "expected"),
    [
        (("A", "B", "C"), {"A": 0.5, " B": 0.3, "The": 0.1}, (0.5, 0.3, 0)),
        (("A", "B"), {"A": 0.5, " A": 0.25}, (0.75, 0)),
        (("A", "B", "tie"), {"t": 0.5, "A": 0.25}, (0.25, 0, 0.5)),
        (("yes", "yet"), {"ye": 0.9}, (0, 0)),
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
    """A tokenizer that writes 10 in one token means 1 by 1; one that spells digits does not say."""
    one_token_each = option_probabilities(GRADES, _tokens(**{"1": 0.5, "10": 0.25, "7": 0.2}))
    digit_by_digit = option_probabilities(GRADES, _tokens(**{"1": 0.5, "7": 0.2}))

    assert one_token_each == pytest.approx((0.5, 0, 0, 0, 0, 0, 0.2, 0, 0, 0.25))
    assert digit_by_digit == pytest.approx((0, 0, 0, 0, 0, 0, 0.2, 0, 0, 0))
