"""From the zone-free meaning of a text to an instant: `resolve(when, received_at, zone, country)`.

Rules:
- A bare time is the next one that comes; twelve-hour without am or pm likewise. On a named day other than today
  1..6 is the afternoon, 7..11 the morning, 12 noon: nobody means 5 o'clock at night by "tomorrow at 5".
- A day without a time is 09:00, a part of the day has its own hour (`PART_HOURS`); "in 2 days" keeps the wall
  time of receipt.
- A weekday, a day of the month or a month and day is the next one that comes, today included while its time is
  ahead; "next tuesday" is the Tuesday of next week (ISO 8601: weeks begin on Monday).
- Seconds, minutes and hours are exact; days, weeks, months count on the calendar (Jan 31 + 1 month = the last of
  February).
- A wall time that a clock change skips moves forward by the gap; one that happens twice is the first that is still
  to come.
- Month and day in digits follow the country's order where both orders are possible.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo

import msgspec

from streams.phrases.when import When
from streams.phrases.zones import zone_of

PART_HOURS = {"morning": 9, "noon": 12, "afternoon": 15, "evening": 18, "night": 20, "midnight": 0, "end": 17}
DEFAULT_HOUR = 9
# Countries that write the month first (CLDR 47, short date pattern starting with M); all others the day.
MONTH_FIRST = frozenset(("US", "PH", "PR", "GU", "AS", "MP", "VI", "UM", "FM", "MH", "PW", "BZ"))
_ORDINAL_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_SECOND_MS = 1000
_MAX_SECONDS = 100 * 366 * 86_400


class Resolution(msgspec.Struct, frozen=True):
    """`due_at` in epoch ms UTC, or None and the `reason`.

    Reasons: no_time (nothing was said), past (a date that is over), impossible (Feb 30), unknown_zone, too_far
    (more than a hundred years).
    """

    due_at: int | None = None
    reason: str | None = None


def resolve(when: When, received_at: int, zone: str | tzinfo, country: str = "US") -> Resolution:
    """The instant meant by `when`, told at `received_at` (epoch ms UTC) by a user in `zone`; never in the past."""
    if when.is_empty or (when.zone is not None and when == When(zone=when.zone)):
        return Resolution(reason="no_time")
    try:
        place = (
            zone_of(when.zone) if when.zone is not None else zone_of(zone) if isinstance(zone, str) else zone
        )
    except ValueError:
        return Resolution(reason="unknown_zone")
    try:
        now = datetime.fromtimestamp(received_at / _SECOND_MS, place)
        return _resolve(when, received_at, now, place, country)
    except (OverflowError, OSError, _TooFarError):
        return Resolution(reason="too_far")
    except ValueError:
        return Resolution(reason="impossible")


class _TooFarError(Exception):
    """The calendar ends before the day that was asked for."""


def _resolve(when: When, received_at: int, now: datetime, place: tzinfo, country: str) -> Resolution:
    if when.in_seconds is not None and not (when.hour is not None or when.day_part is not None):
        if abs(when.in_seconds) > _MAX_SECONDS:
            raise _TooFarError
        base = received_at
        if when.in_days or when.in_months:
            moved = _first(
                _days(when, now, country), time(now.hour, now.minute, now.second), place, received_at - 1
            )
            if moved is None:
                return Resolution(reason="past")
            base = moved + received_at % _SECOND_MS
        due = base + when.in_seconds * _SECOND_MS
        return Resolution(due) if due > received_at else Resolution(reason="past")
    candidates = _days(when, now, country)
    known = False
    for day in candidates:
        known = True
        for late, wall in _times(when, day, now):
            due_at = _instant(day + timedelta(days=late), wall, place, received_at)
            if due_at is not None:
                return Resolution(due_at)
    return Resolution(reason="past" if known else "impossible")


def _first(days: Iterator[date], wall: time, place: tzinfo, after: int) -> int | None:
    for day in days:
        due_at = _instant(day, wall, place, after)
        if due_at is not None:
            return due_at
    return None


def _instant(day: date, wall: time, place: tzinfo, after: int) -> int | None:
    """Epoch ms of a wall time if it comes after `after`. Skipped times move by the gap (PEP 495, fold 0)."""
    moment = datetime.combine(day, wall, place)
    due_at = int(moment.timestamp()) * _SECOND_MS
    if due_at > after:
        return due_at
    second = moment.replace(fold=1)
    offset, later = moment.utcoffset(), second.utcoffset()
    if offset is not None and later is not None and later < offset:  # happens twice, and the first is over
        due_at = int(second.timestamp()) * _SECOND_MS
        if due_at > after:
            return due_at
    return None


def _times(when: When, day: date, now: datetime) -> list[tuple[int, time]]:
    """Wall times to try on that day in order of preference, each with days to add (a night runs past midnight)."""
    if when.hour is None:
        if when.day_part is not None:
            late = int(when.day_part == "midnight" and when.in_days == 0)
            return [(late, time(PART_HOURS.get(when.day_part, DEFAULT_HOUR)))]
        if when.keep_time:
            return [(0, time(now.hour, now.minute, now.second))]
        return [(0, time(DEFAULT_HOUR))]
    minute, second = when.minute or 0, when.second or 0
    if when.rule is not None and "BYHOUR=" in when.rule:
        hours_of_rule = when.rule.split("BYHOUR=")[1].split(";")[0].split(",")
        return [(0, time(int(hour), minute, second)) for hour in hours_of_rule]
    if when.day_part == "night" and when.hour < 5:
        return [(1, time(when.hour, minute, second))]
    if not when.twelve_hour:
        late = int(when.hour == 0 and minute == 0 and when.in_days == 0)
        return [(0, time(when.hour, minute, second)), *([(1, time(0))] if late else [])]
    early, later = when.hour % 12, when.hour % 12 + 12
    if when.rule is None and (day == now.date() or _says_no_day(when)):
        hours = (early, later)
    else:
        hours = (early, later) if early >= 7 else (later, early)
    if when.rule is not None:
        return [(0, time(hours[0], minute, second))]  # a habit has one hour, whatever the time is now
    return [(0, time(hour, minute, second)) for hour in hours]


def _says_no_day(when: When) -> bool:
    return (
        when.in_days is None
        and when.in_months is None
        and when.day is None
        and when.weekday is None
        and when.month is None
    )


def _days(when: When, now: datetime, country: str) -> Iterator[date]:
    """Days that could be meant, the preferred first; ValueError if there is no such day at all."""
    today = now.date()
    if when.rule is not None and (days := _days_of_rule(when.rule, today)):
        yield from days
    elif when.month is not None or when.year is not None:
        yield from _dates(when, today, country)
    elif when.day is not None:
        yield from _days_of_month(when.day, when.in_months, today)
    elif when.weekday is not None:
        yield from _weekdays(when, today)
    elif when.in_days is not None or when.in_months is not None:
        yield _plus(_plus_months(today, when.in_months or 0), when.in_days or 0)
    else:
        yield today
        yield _plus(today, 1)


def _plus(day: date, days: int) -> date:
    if abs(days) > 36_600:
        raise _TooFarError
    return day + timedelta(days=days)


def _plus_months(day: date, months: int) -> date:
    if abs(months) > 1200:
        raise _TooFarError
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _weekdays(when: When, today: date) -> Iterator[date]:
    assert when.weekday is not None
    after = when.in_days or 0
    if when.weeks_ahead:
        monday = _plus(today, -today.weekday())
        yield _plus(monday, 7 * when.weeks_ahead + when.weekday + after)
        return
    coming = _plus(today, (when.weekday - today.weekday()) % 7)
    yield _plus(coming, after)
    yield _plus(coming, 7 + after)


def _days_of_month(day: int, in_months: int | None, today: date) -> Iterator[date]:
    """The next day of that number; months that lack it are skipped unless the month was named."""
    if not (1 <= day <= 31 or day == -1):
        raise ValueError(day)
    first = today.replace(day=1)
    for ahead in [in_months] if in_months is not None else range(4):
        month = _plus_months(first, ahead)
        length = monthrange(month.year, month.month)[1]
        if day == -1:
            yield month.replace(day=length)
        elif day <= length:
            yield month.replace(day=day)


def _dates(when: When, today: date, country: str) -> Iterator[date]:
    month, day = when.month or 1, when.day or 1
    if when.numeric_date and country.upper() not in MONTH_FIRST and day <= 12:
        month, day = day, month
    if when.year is not None:
        yield date(when.year, month, monthrange(when.year, month)[1] if day == -1 else day)
        return
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        raise ValueError(month)
    found = False
    for year in range(today.year, today.year + 9):  # nine years: Feb 29 around 2100
        try:
            candidate = date(year, month, day)
        except ValueError:
            continue
        found = True
        if candidate >= today:
            yield candidate
    if not found:
        raise ValueError(day)


def _days_of_rule(rule: str, today: date) -> list[date]:
    """The coming days that BYDAY of the rule names (with MONTHLY: its ordinals); empty where it names none."""
    parts = dict(part.split("=", 1) for part in rule.split(";") if "=" in part)
    if parts.get("BYMONTHDAY") == "-1":
        return list(_days_of_month(-1, None, today))
    codes = parts.get("BYDAY")
    if not codes:
        return []
    wanted = codes.split(",")
    days: list[date] = []
    for ahead in range(200 if parts.get("FREQ") == "MONTHLY" else 15):
        day = _plus(today, ahead)
        code = _ORDINAL_DAYS[day.weekday()]
        length = monthrange(day.year, day.month)[1]
        names = (code, f"{(day.day - 1) // 7 + 1}{code}", f"-{(length - day.day) // 7 + 1}{code}")
        if any(name in wanted for name in names):
            days.append(day)
    return days
