"""An instant in words, for acknowledgements: "today at 6:30 PM", "Fri Nov 27 at 9:00 AM"."""

from __future__ import annotations

from datetime import datetime, tzinfo

from streams.phrases.zones import zone_of

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SOON_MS = 120_000  # closer than two minutes the seconds matter to the reader
_NEAR_DAYS = 300  # further away the year is said


def say_when(at_ms: int, now_ms: int, zone: str | tzinfo) -> str:
    """How a person in `zone` would say at `now_ms` (both epoch ms UTC) when `at_ms` is; ValueError: no such zone."""
    place = zone_of(zone) if isinstance(zone, str) else zone
    at = datetime.fromtimestamp(at_ms // 1000, place)
    now = datetime.fromtimestamp(now_ms // 1000, place)
    seconds = f":{at.second:02}" if at.second and abs(at_ms - now_ms) < _SOON_MS else ""
    clock = f"{(at.hour - 1) % 12 + 1}:{at.minute:02}{seconds} {'AM' if at.hour < 12 else 'PM'}"
    days = (at.date() - now.date()).days
    if days == 0:
        return f"today at {clock}"
    if days == 1:
        return f"tomorrow at {clock}"
    year = f", {at.year}" if not 0 < days < _NEAR_DAYS else ""
    return f"{_WEEKDAYS[at.weekday()]} {_MONTHS[at.month - 1]} {at.day}{year} at {clock}"
