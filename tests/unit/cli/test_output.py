"""How commands print."""

from __future__ import annotations

from decimal import Decimal

import pytest

from infra.cli.output import clock, duration, instant, masked, plain, table


def test_all_but_the_last_four_digits_of_every_number_are_hidden() -> None:
    """Also inside keys and sentences; other digits stay."""
    assert masked("acme|+14155550101 and +442079460100 at 1234567") == "acme|+…0101 and +…0100 at 1234567"


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (59_949, "59.9 s"), (125_000, "2 min 5 s"),
     (3 * 3_600_000 + 120_000, "3 h 2 min"), (90_000_000, "1 d 1 h")],
)  # fmt: skip
def test_spans_as_people_say_them(ms: int, text: str) -> None:
    """Two units at most."""
    assert duration(ms) == text


def test_times_are_utc_with_milliseconds() -> None:
    """The same instant, short and in full."""
    assert instant(1_795_255_200_007) == "2026-11-21T10:00:00.007Z"
    assert clock(1_795_255_200_007) == "10:00:00.007"


@pytest.mark.parametrize(
    ("amount", "text"), [("0.010000", "0.01"), ("5.000000", "5"), ("0", "0"), ("10", "10")]
)
def test_amounts_have_no_zeros_that_mean_nothing(amount: str, text: str) -> None:
    """And no exponent."""
    assert plain(Decimal(amount)) == text


def test_columns_line_up() -> None:
    """Every column but the last is as wide as its widest cell."""
    assert table([("a", "bb", "c"), ("aaa", "b", "long last")]) == "a    bb  c\naaa  b   long last"
