"""From meaning to instant: the rules of resolve.py, one table a rule."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from streams.phrases import Resolution, When, resolve

NEW_YORK = "America/New_York"
SATURDAY = "2026-11-21T10:00"


def ms(local: str, zone: str = NEW_YORK, fold: int = 0) -> int:
    return int(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


@pytest.mark.parametrize(
    ("when", "received", "due"),
    [
        # a bare time is the next one
        (When(hour=18, minute=30), SATURDAY, "2026-11-21T18:30"),
        (When(hour=9, minute=0), SATURDAY, "2026-11-22T09:00"),
        (When(hour=10, minute=0), SATURDAY, "2026-11-22T10:00"),
        (When(hour=6, twelve_hour=True), SATURDAY, "2026-11-21T18:00"),
        (When(hour=6, twelve_hour=True), "2026-11-21T22:00", "2026-11-22T06:00"),
        (When(hour=12, twelve_hour=True), SATURDAY, "2026-11-21T12:00"),
        (When(hour=12, twelve_hour=True), "2026-11-21T13:00", "2026-11-22T00:00"),
        # on another day the waking hours
        (When(in_days=1, hour=5, twelve_hour=True), SATURDAY, "2026-11-22T17:00"),
        (When(in_days=1, hour=7, twelve_hour=True), SATURDAY, "2026-11-22T07:00"),
        (When(in_days=1, hour=12, twelve_hour=True), SATURDAY, "2026-11-22T12:00"),
        (When(in_days=0, hour=5, twelve_hour=True), SATURDAY, "2026-11-21T17:00"),
        # a day without a time, parts of the day
        (When(in_days=1), SATURDAY, "2026-11-22T09:00"),
        (When(in_days=1, day_part="evening"), SATURDAY, "2026-11-22T18:00"),
        (When(day_part="morning"), SATURDAY, "2026-11-22T09:00"),
        (When(day_part="noon"), SATURDAY, "2026-11-21T12:00"),
        (When(in_days=0, day_part="midnight"), SATURDAY, "2026-11-22T00:00"),
        (When(in_days=0, day_part="night", hour=1), SATURDAY, "2026-11-22T01:00"),
        # weekdays
        (When(weekday=5, hour=9), SATURDAY, "2026-11-28T09:00"),
        (When(weekday=5, hour=11), SATURDAY, "2026-11-21T11:00"),
        (When(weekday=1), SATURDAY, "2026-11-24T09:00"),
        (When(weekday=1, weeks_ahead=1), SATURDAY, "2026-11-24T09:00"),
        (When(weekday=1, weeks_ahead=1), "2026-11-23T10:00", "2026-12-01T09:00"),
        (When(weekday=6, weeks_ahead=1), SATURDAY, "2026-11-29T09:00"),
        (When(weekday=4, in_days=7), SATURDAY, "2026-12-04T09:00"),
        # dates
        (When(month=11, day=25), SATURDAY, "2026-11-25T09:00"),
        (When(month=11, day=20), SATURDAY, "2027-11-20T09:00"),
        (When(month=2, day=29), SATURDAY, "2028-02-29T09:00"),
        (When(day=31), SATURDAY, "2026-12-31T09:00"),
        (When(day=31), "2027-02-01T10:00", "2027-03-31T09:00"),
        (When(day=-1), SATURDAY, "2026-11-30T09:00"),
        (When(day=1, in_months=1), SATURDAY, "2026-12-01T09:00"),
        (When(year=2027, month=3, day=12), SATURDAY, "2027-03-12T09:00"),
        # calendar durations keep the wall time, months end early
        (When(in_days=2, keep_time=True), SATURDAY, "2026-11-23T10:00"),
        (When(in_months=1, keep_time=True), "2026-01-31T10:00", "2026-02-28T10:00"),
        (When(in_months=12, keep_time=True), SATURDAY, "2027-11-21T10:00"),
        (When(in_seconds=7200, in_days=1, keep_time=True), SATURDAY, "2026-11-22T12:00"),
        # repetition: the first occurrence
        (When(rule="FREQ=WEEKLY;BYDAY=MO,WE", hour=9), SATURDAY, "2026-11-23T09:00"),
        (When(rule="FREQ=MONTHLY;BYDAY=-1FR"), SATURDAY, "2026-11-27T09:00"),
        (When(rule="FREQ=MONTHLY;BYDAY=1MO"), SATURDAY, "2026-12-07T09:00"),
        (When(rule="FREQ=DAILY", hour=5, twelve_hour=True), "2026-11-21T18:00", "2026-11-22T17:00"),
    ],
)
def test_rules(when: When, received: str, due: str) -> None:
    """Each rule of the module's docstring."""
    assert resolve(when, ms(received), NEW_YORK) == Resolution(ms(due))


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        (When(), "no_time"),
        (When(zone="UTC"), "no_time"),
        (When(month=2, day=30), "impossible"),
        (When(year=2026, month=2, day=29), "impossible"),
        (When(month=13, day=1), "impossible"),
        (When(day=32), "impossible"),
        (When(hour=99), "impossible"),
        (When(year=2026, month=11, day=20), "past"),
        (When(in_days=0, hour=9), "past"),
        (When(in_seconds=0), "past"),
        (When(in_seconds=-5), "past"),
        (When(in_days=10**9), "too_far"),
        (When(in_months=10**9), "too_far"),
        (When(in_seconds=10**15), "too_far"),
        (When(hour=9, zone="Mars/Olympus"), "unknown_zone"),
    ],
)
def test_reasons(when: When, reason: str) -> None:
    """What cannot be due is told apart, and nothing raises."""
    assert resolve(when, ms(SATURDAY), NEW_YORK) == Resolution(reason=reason)


def test_a_skipped_wall_time_moves_forward_by_the_gap() -> None:
    """2027-03-14 02:30 does not exist in New York: it rings at 03:30 summer time."""
    resolution = resolve(When(month=3, day=14, hour=2, minute=30), ms("2027-03-13T10:00"), NEW_YORK)
    assert resolution == Resolution(ms("2027-03-14T03:30"))


def test_a_wall_time_that_comes_twice_is_the_first_that_is_still_ahead() -> None:
    """2026-11-01 01:30 comes twice in New York."""
    when = When(hour=1, minute=30)
    assert resolve(when, ms("2026-10-31T10:00"), NEW_YORK) == Resolution(ms("2026-11-01T01:30"))
    second = ms("2026-11-01T01:30", fold=1)
    assert resolve(when, ms("2026-11-01T01:40"), NEW_YORK) == Resolution(second)
    assert second - ms("2026-11-01T01:30") == 3_600_000


def test_hours_are_exact_and_days_are_calendar_across_a_clock_change() -> None:
    """Over the night of the change 24 hours and one day differ by an hour."""
    received = ms("2026-10-31T12:00")
    assert resolve(When(in_seconds=86_400), received, NEW_YORK) == Resolution(ms("2026-11-01T11:00"))
    assert resolve(When(in_days=1, keep_time=True), received, NEW_YORK) == Resolution(ms("2026-11-01T12:00"))


@pytest.mark.parametrize(
    ("country", "due"), [("US", "2026-12-05T09:00"), ("GB", "2027-05-12T09:00"), ("de", "2027-05-12T09:00")]
)
def test_the_country_orders_a_date_in_digits(country: str, due: str) -> None:
    """12/5 is December 5 in America and 12 May elsewhere."""
    when = When(month=12, day=5, numeric_date=True)
    assert resolve(when, ms(SATURDAY), NEW_YORK, country) == Resolution(ms(due))


def test_a_zone_in_the_text_wins_over_the_users() -> None:
    """ "5pm Berlin time" from New York; fixed offsets and tzinfo objects work too."""
    berlin = resolve(When(hour=17, zone="Europe/Berlin"), ms(SATURDAY), NEW_YORK)
    assert berlin == Resolution(ms("2026-11-21T17:00", "Europe/Berlin"))
    fixed = resolve(When(hour=18, zone="+02:00"), ms(SATURDAY), timezone(timedelta(hours=9)))
    assert fixed == Resolution(ms("2026-11-21T16:00", "UTC"))


def test_the_record_keeps_every_field() -> None:
    """Through Avro's dict and back; unknown fields of a newer writer are ignored."""
    when = When(in_days=1, hour=17, twelve_hour=True, rule="FREQ=DAILY")
    assert When.from_record(when.to_record()) == when
    assert When.from_record({**when.to_record(), "from_the_future": 1}) == when
