"""Test the format of numbers; an absent figure is an en dash."""

import math

import pytest

from evalharness.report.number_format import (
    format_count,
    format_dollars,
    format_list,
    format_number,
    format_percent,
    format_percent_span,
    format_quantity,
    format_span,
    format_timestamp,
)
from evalharness.report.page.axes import fit_axis


def test_what_was_not_measured_is_an_en_dash() -> None:
    """An absent figure never looks like a number."""
    written = [
        format_number(None),
        format_number(math.nan),
        format_percent(None),
        format_span(None, 1.0),
        format_percent_span(0.2, None),
        format_count(None),
        format_dollars(None),
    ]

    assert set(written) == {"\N{EN DASH}"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (format_number(-12.34, 1), "\N{MINUS SIGN}12.3"),
        (format_number(-0.04, 1), "0.0"),
        (format_number(math.inf), "∞"),
        (format_percent(0.7612), "76%"),
        (format_percent_span(0.6049, 0.9), "60 to 90%"),
        (format_span(-5, 12), "\N{MINUS SIGN}5 to 12"),
        (format_count(30000), "30,000"),
        (format_quantity(1, "question"), "1 question"),
        (format_quantity(0, "question"), "0 questions"),
        (format_dollars(0.0123), "$0.0123"),
        (format_dollars(1234.5), "$1,234.50"),
        (format_list(["a"]), "a"),
        (format_list(["a", "b", "c"]), "a, b and c"),
        (format_list(list("abcdefg")), "a, b, c, d and 3 others"),
    ],
)
def test_figures_as_a_reader_sees_them(written: str, expected: str) -> None:
    """Minus signs are typographic, zero is not negative, and only counts have separators."""
    assert written == expected


@pytest.mark.parametrize(
    "values", [[943.0, 1058.0], [1.0], [0.0], [-3.2, 0.004], [7.0, 7.0], [1e-6, 2e-6]]
)
def test_an_axis_covers_its_values_and_ends_on_round_ones(values: list[float]) -> None:
    """The axis covers every value and has between two and a dozen ticks."""
    scale = fit_axis(values)

    assert scale is not None
    assert scale.low <= min(values) <= max(values) <= scale.high
    assert scale.x_percent(scale.low) == "0.00%"
    assert scale.x_percent(scale.high) == "100.00%"
    assert 2 <= len(scale.ticks()) <= 12


def test_nothing_to_show_has_no_axis() -> None:
    """Absent and infinite values alone give no axis."""
    assert fit_axis([None, math.inf]) is None


def test_moments_are_written_for_readers() -> None:
    """A date without a time stays a date; other text is unchanged."""
    assert format_timestamp("2025-03-01T14:05:00+00:00") == "1 March 2025, 14:05 UTC"
    assert format_timestamp("2025-03-01") == "1 March 2025"
    assert format_timestamp("yesterday") == "yesterday"
