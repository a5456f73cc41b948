"""Spans of time on the command line."""

from __future__ import annotations

import click
import pytest

from infra.cli.durations import Span, shown


@pytest.mark.parametrize(
    ("text", "span_ms"),
    [
        ("90s", 90_000),
        ("15m", 900_000),
        ("15min", 900_000),
        ("2h", 7_200_000),
        ("1d", 86_400_000),
        ("0.5h", 1_800_000),
    ],
)
def test_a_span_is_a_number_with_a_unit(text: str, span_ms: int) -> None:
    """In the units that people type."""
    assert Span(0, 86_400_000).convert(text, None, None) == span_ms


@pytest.mark.parametrize("text", ["", "2", "h", "2 hours", "-2h", "2h30m", "1e3s"])
def test_what_is_no_span_is_refused_with_an_example(text: str) -> None:
    """A bare number might be meant in any unit."""
    with pytest.raises(click.BadParameter, match="such as 90s"):
        Span(0, 86_400_000).convert(text, None, None)


def test_a_span_out_of_bounds_says_which_they_are_and_why() -> None:
    """Both ends belong to them."""
    span = Span(1_000, 3_600_000, "an hour is enough")
    assert span.convert("1h", None, None) == 3_600_000
    with pytest.raises(click.BadParameter, match=r"1s to 1h \(an hour is enough\)"):
        span.convert("2h", None, None)


@pytest.mark.parametrize(
    ("span_ms", "text"), [(0, "0s"), (1_500, "1500ms"), (7_200_000, "2h"), (90_000, "90s")]
)
def test_a_span_is_shown_in_its_largest_unit(span_ms: int, text: str) -> None:
    """As one would type it."""
    assert shown(span_ms) == text
