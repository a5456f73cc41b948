"""Quiet spans as instants, over midnight and over clock changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.reminders.quiet import after_quiet, coming_span
from streams.tenants import quiet_minutes
from tests.unit.streams.reminders.line import NOON, tenant

NIGHT = tenant(quiet_hours="22:00-07:00")


def _ms(text: str, zone: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-11-21 21:59:59", None),
        ("2026-11-21 22:00:00", "2026-11-22 07:00"),
        ("2026-11-22 00:30:00", "2026-11-22 07:00"),
        ("2026-11-22 06:59:59", "2026-11-22 07:00"),
        ("2026-11-22 07:00:00", None),
    ],
)
def test_a_span_over_midnight_holds_both_its_ends(at: str, until: str | None) -> None:
    """22:00 is quiet, 07:00 is not."""
    zone = "America/New_York"
    expected = _ms(until or at, zone)
    assert after_quiet(NIGHT, zone, 2, _ms(at, zone)) == expected


def test_it_holds_first_attempts_only_when_strict() -> None:
    """None where no quiet span applies."""
    assert coming_span(NIGHT, "UTC", 1, NOON) is None
    assert coming_span(tenant(), "UTC", 2, NOON) is None
    strict = tenant(quiet_hours="22:00-07:00", quiet_hours_strict=True)
    span = coming_span(strict, "UTC", 1, NOON)
    assert span == (NOON + 10 * 3_600_000, NOON + 19 * 3_600_000)


def test_where_the_clock_changes_the_longer_quiet_wins() -> None:
    """01:30 comes twice on Nov 1 2026 in New York: quiet lasts to the second; 02:30 is skipped on Mar 8."""
    zone = "America/New_York"
    twice = tenant(quiet_hours="23:00-01:30")
    assert (
        after_quiet(twice, zone, 2, _ms("2026-11-01 00:00", zone))
        == _ms("2026-11-01 00:30", zone) + 7_200_000
    )
    skipped = tenant(quiet_hours="23:00-02:30")
    assert after_quiet(skipped, zone, 2, _ms("2026-03-08 00:00", zone)) == _ms("2026-03-08 03:30", zone)


@given(
    st.integers(1_700_000_000, 1_900_000_000),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "+05:30"]),
    st.integers(0, 1439),
    st.integers(0, 1439),
)
def test_what_is_moved_out_of_quiet_hours_is_outside_of_them(
    at_s: int, zone: str, start: int, end: int
) -> None:
    """And less than a day and a clock change later; what was outside stays."""
    hours = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    if quiet_minutes(hours) is None:
        return
    quiet = tenant(quiet_hours=hours)
    moved = after_quiet(quiet, zone, 2, at_s * 1000)
    assert 0 <= moved - at_s * 1000 <= timedelta(hours=25).total_seconds() * 1000
    assert after_quiet(quiet, zone, 2, moved) == moved
