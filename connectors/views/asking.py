"""What is asked and how it is answered: parameters of a request in, the object that becomes JSON out.

Instants are ISO 8601 in UTC on the way out, and on the way in too (a date alone is its midnight). Spans hold their
beginning and not their end. What would be longer than its limit ends with `next`, with which the same request goes on;
each page is whole for what it covers.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Protocol

import msgspec

from streams.ids import is_e164, user_key
from streams.topology import DEAD_LETTERS
from streams.views import life, sums
from streams.views.rows import DAY_MS, Record, user_prefix
from streams.views.tables import KEEP_DAYS, Stored, Tables

Object = dict[str, Any]
Parameters = Mapping[str, str]
Decode = Callable[[str, bytes, int], Record]

REMINDERS_AT_ONCE, MOST_REMINDERS = 20, 200
WINDOWS_AT_ONCE, MOST_WINDOWS = 200, 1_500
MOST_DAYS = 400
LETTERS_AT_ONCE, MOST_LETTERS = 50, 500
# Letters looked at for one page when a filter leaves few of them.
LOOKED_AT = 5_000


class BadRequestError(ValueError):
    """The request cannot be meant like this; `reason` is one of the words in openapi.py."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Clock(Protocol):
    def __call__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Answers:
    """Reads the tables. Must be asked on the thread that owns them. Every method raises BadRequestError."""

    tables: Tables
    decode: Decode
    now_ms: Clock

    def reminders(self, tenant: str, phone: str, ask: Parameters) -> Object:
        """The reminders of one user, the latest first."""
        if not is_e164(phone):
            raise BadRequestError("bad_phone", "the phone number is E.164, such as +14155550101")
        limit = _limit(ask, REMINDERS_AT_ONCE, MOST_REMINDERS)
        before = _cursor(ask, tuple[int, str])
        rows = self.tables.rows(user_prefix(user_key(tenant, phone)))
        found = life.reminders(life.told(r.key, r.value, r.appended_at, self.decode) for r in rows)
        if before is not None:
            after = (-before[0], before[1])
            found = [each for each in found if (-each["last_at"], each["reminder_id"]) > after]
        page = found[:limit]
        last = (page[-1]["last_at"], page[-1]["reminder_id"]) if len(found) > limit else None
        return {"tenant": tenant, "user": phone, "reminders": page, "next": last and _packed(last)}

    def counts(self, tenant: str, ask: Parameters) -> Object:
        """What happened to a tenant, in windows of event time."""
        window = ask.get("window", "hour")
        if window not in sums.WINDOWS_MS:
            raise BadRequestError("bad_window", f"window is one of {', '.join(sums.WINDOWS_MS)}")
        window_ms = sums.WINDOWS_MS[window]
        limit = _limit(ask, WINDOWS_AT_ONCE, MOST_WINDOWS)
        now = self.now_ms()
        to = _up(_instant(ask, "to", now + 1), window_ms)
        kept = (now // DAY_MS - KEEP_DAYS) * DAY_MS
        wanted = _instant(ask, "from", max(kept, to - min(24, limit) * window_ms)) // window_ms * window_ms
        if wanted < kept:
            raise BadRequestError("too_long_ago", f"counts are kept for {KEEP_DAYS} days")
        _in_order(wanted, to)
        end = min(to, wanted + limit * window_ms)
        days = range(wanted // DAY_MS * DAY_MS, end, DAY_MS)
        found = chain.from_iterable(self.tables.sums(sums.count_prefix(tenant, day)) for day in days)
        return {
            "tenant": tenant,
            "window": window,
            "from": wanted,
            "to": end,
            "windows": sums.counts(found, window_ms, wanted, end),
            "next": _iso(end) if end < to else None,
        }

    def charges(self, tenant: str, ask: Parameters) -> Object:
        """What a tenant was charged, by UTC day."""
        now = self.now_ms()
        to = _up(_instant(ask, "to", now + 1), DAY_MS)
        wanted = _instant(ask, "from", to - 31 * DAY_MS) // DAY_MS * DAY_MS
        _in_order(wanted, to)
        end = min(to, wanted + MOST_DAYS * DAY_MS)
        found = sums.charges(self.tables.sums(sums.charge_prefix(tenant)), wanted, end)
        return {
            "tenant": tenant,
            "from": _date(wanted),
            "to": _date(end),
            "days": [each | {"day": _date(each["day"])} for each in found],
            "next": _date(end) if end < to else None,
        }

    def tenants(self) -> Object:
        """The tenants that there is something about, and how many records."""
        found = [(key[1:].decode(), count) for key, count in self.tables.sums(b"t")]
        return {"tenants": [{"tenant": tenant, "records": count} for tenant, count in found]}

    def dead_letters(self, ask: Parameters) -> Object:
        """How many there are, by topic and reason, and the latest of them."""
        limit = _limit(ask, LETTERS_AT_ONCE, MOST_LETTERS)
        topic, reason = ask.get("source_topic"), ask.get("reason")

        def wanted(letter: Mapping[str, Any]) -> bool:
            return topic in (None, letter["source_topic"]) and reason in (None, letter["reason"])

        letters: list[Object] = []
        before, looked_at, last = _cursor(ask, bytes), 0, None
        for place, row in self.tables.newest(b"d", before, LOOKED_AT):
            looked_at, last = looked_at + 1, place
            letter = _letter(row, self.decode(DEAD_LETTERS.name, row.value, row.appended_at))
            if wanted(letter):
                letters.append(letter)
            if len(letters) == limit:
                break
        more = last is not None and (len(letters) == limit or looked_at == LOOKED_AT)
        counts = [each for each in sums.dead_letters(self.tables.sums(sums.dead_prefix())) if wanted(each)]
        return {"counts": counts, "latest": letters, "next": _packed(last) if more else None}

    def skipped(self) -> Object:
        """What lies in the topics and could not be taken in: how much of it, and the latest places."""
        latest = []
        for _, row in self.tables.newest(b"s", None, LETTERS_AT_ONCE):
            topic, partition, offset = row.key[1:].decode().split("\0")
            reason, detail = msgspec.msgpack.decode(row.value)
            latest.append(
                {
                    "topic": topic,
                    "partition": int(partition),
                    "offset": int(offset),
                    "appended_at": row.appended_at,
                    "reason": reason,
                    "detail": detail,
                }
            )
        return {"counts": sums.skipped(self.tables.sums(b"s")), "latest": latest}


def _letter(row: Stored, letter: Record) -> Object:
    """Without the bytes: `ringback dead-letters list` and `cat` show those to who may read the topic."""
    return {
        "id": f"{row.partition}@{row.offset}",
        "set_aside_at": letter["at"],
        "source_topic": letter["source_topic"],
        "source_partition": letter["source_partition"],
        "source_offset": letter["source_offset"],
        "reason": letter["reason"],
        "value_length": letter["value_length"],
        "value_sha256": letter["value_sha256"],
    }


def shown(value: Any, name: str = "") -> Any:
    """The same with epoch ms as instants, wherever the name says that it is a time."""
    if isinstance(value, dict):
        return {key: shown(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [shown(each, name) for each in value]
    if isinstance(value, int) and (name in ("at", "from", "to", "as_of") or name.endswith(("_at", "_since"))):
        return _iso(value)
    return value


def _iso(at_ms: int) -> str:
    try:
        instant = datetime.fromtimestamp(at_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(at_ms)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _date(at_ms: int) -> str:
    return _iso(at_ms)[:10]


def _up(at_ms: int, step_ms: int) -> int:
    return -(-at_ms // step_ms) * step_ms


def _instant(ask: Parameters, name: str, otherwise: int) -> int:
    text = ask.get(name)
    if not text:
        return otherwise
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise BadRequestError(
            "bad_time", f"{name} is a date or an instant, such as 2026-11-21T10:00:00Z"
        ) from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    at_ms = round(instant.timestamp() * 1000)
    if not 0 <= at_ms < 2**32 * 60_000:
        raise BadRequestError("bad_time", f"{name} is before 1970")
    return at_ms


def _in_order(start: int, end: int) -> None:
    if start >= end:
        raise BadRequestError("bad_time", "from is not before to")


def _limit(ask: Parameters, otherwise: int, most: int) -> int:
    text = ask.get("limit", str(otherwise))
    if not text.isdecimal() or len(text) > 6 or not 1 <= int(text) <= most:
        raise BadRequestError("bad_limit", f"limit is a whole number from 1 to {most}")
    return int(text)


def _packed(place: object) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).decode().rstrip("=")


def _cursor(ask: Parameters, kind: type[Any]) -> Any:
    text = ask.get("cursor")
    if text is None:
        return None
    try:
        return msgspec.msgpack.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise BadRequestError("bad_cursor", "the cursor is none that was given as next") from None
