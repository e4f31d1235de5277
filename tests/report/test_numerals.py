"""Numbers are written the same way everywhere, and what is absent is an en dash."""

import math

import pytest

from evalharness.report import numerals
from evalharness.report.scales import scale_over


def test_what_was_not_measured_is_an_en_dash() -> None:
    """An absent figure never looks like a number."""
    written = [
        numerals.figure(None),
        numerals.figure(math.nan),
        numerals.percent(None),
        numerals.span(None, 1.0),
        numerals.percent_span(0.2, None),
        numerals.count(None),
        numerals.dollars(None),
    ]

    assert set(written) == {"\N{EN DASH}"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (numerals.figure(-12.34, 1), "\N{MINUS SIGN}12.3"),
        (numerals.figure(-0.04, 1), "0.0"),
        (numerals.figure(math.inf), "∞"),
        (numerals.percent(0.7612), "76%"),
        (numerals.percent_span(0.6049, 0.9), "60 to 90%"),
        (numerals.span(-5, 12), "\N{MINUS SIGN}5 to 12"),
        (numerals.count(30000), "30,000"),
        (numerals.counted(1, "question"), "1 question"),
        (numerals.counted(0, "question"), "0 questions"),
        (numerals.dollars(0.0123), "$0.0123"),
        (numerals.dollars(1234.5), "$1,234.50"),
        (numerals.listed(["a"]), "a"),
        (numerals.listed(["a", "b", "c"]), "a, b and c"),
        (numerals.listed(list("abcdefg")), "a, b, c, d and 3 others"),
    ],
)
def test_figures_as_a_reader_sees_them(written: str, expected: str) -> None:
    """True minus signs, no negative zero, thousands apart in counts only."""
    assert written == expected


@pytest.mark.parametrize(
    "values", [[943.0, 1058.0], [1.0], [0.0], [-3.2, 0.004], [7.0, 7.0], [1e-6, 2e-6]]
)
def test_an_axis_covers_its_values_and_ends_on_round_ones(values: list[float]) -> None:
    """Every value lies on the axis, and there are between two and a dozen ticks."""
    scale = scale_over(values)

    assert scale is not None
    assert scale.low <= min(values) <= max(values) <= scale.high
    assert scale.at(scale.low) == "0.00%"
    assert scale.at(scale.high) == "100.00%"
    assert 2 <= len(scale.ticks()) <= 12


def test_nothing_to_show_has_no_axis() -> None:
    """Absent and infinite values alone give no axis."""
    assert scale_over([None, math.inf]) is None


def test_moments_are_written_for_readers() -> None:
    """A date alone stays a date, and what is no date is shown as it came."""
    assert numerals.moment("2025-03-01T14:05:00+00:00") == "1 March 2025, 14:05 UTC"
    assert numerals.moment("2025-03-01") == "1 March 2025"
    assert numerals.moment("yesterday") == "yesterday"
