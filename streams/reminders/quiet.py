"""Quiet hours: spans of a user's local day in which the phone does not ring, as instants.

They hold back retries; with `quiet_hours_strict` also the first call. Where a clock change makes a bound
ambiguous or skips it, the longer quiet wins.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from streams.phrases.zones import zone_of
from streams.tenants import Tenant, quiet_minutes

_DAY = timedelta(days=1)


class Span(NamedTuple):
    """[from_ms, until_ms), epoch ms."""

    from_ms: int
    until_ms: int


def coming_span(tenant: Tenant, zone: str, attempt: int, at_ms: int) -> Span | None:
    """The span that holds an attempt at `at_ms`, or else the next one to come; None where none applies.

    `zone` is the user's: an IANA name or fixed offset.
    """
    if tenant.quiet_hours is None or not (attempt > 1 or tenant.quiet_hours_strict):
        return None
    minutes = quiet_minutes(tenant.quiet_hours)
    if minutes is None:
        return None
    tz = zone_of(zone)
    midnight = datetime.fromtimestamp(at_ms / 1000, tz).replace(hour=0, minute=0, second=0, microsecond=0)
    start, end = (timedelta(minutes=m) for m in minutes)
    if end <= start:
        end += _DAY
    for days in range(-1, 3):
        day = midnight.replace(tzinfo=None) + days * _DAY
        # fold 0 and 1 are the two readings of a wall time that a clock change made ambiguous (PEP 495).
        span = Span(
            min(_ms((day + start).replace(tzinfo=tz, fold=fold)) for fold in (0, 1)),
            max(_ms((day + end).replace(tzinfo=tz, fold=fold)) for fold in (0, 1)),
        )
        if span.until_ms > at_ms:
            return span
    raise AssertionError("a span of the day ends within two days")


def after_quiet(tenant: Tenant, zone: str, attempt: int, at_ms: int) -> int:
    """`at_ms`, or the end of the quiet span that it lies in (epoch ms)."""
    span = coming_span(tenant, zone, attempt, at_ms)
    return span.until_ms if span is not None and span.from_ms <= at_ms else at_ms


def _ms(wall: datetime) -> int:
    return round(wall.astimezone(UTC).timestamp() * 1000)
