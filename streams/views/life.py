"""A user's rows as the reminders they tell of: each occurrence, its attempts, its end, its charge. Pure.

The rows of a user are a set: they are put in order here, by the time they speak of, so the order in which they came
makes no difference. What a call came to is the fold of the call protocol (streams/calls/fold.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from streams.calls import fold
from streams.views.rows import Record

Object = dict[str, Any]

_TOPIC_OF = {"e": "reminders.events", "a": "reminders.due", "c": "calls.events", "m": "billing.charges"}
# What a fact makes of its occurrence; a fact that is not named here changes nothing.
_STATES: Mapping[str, str] = {
    "SCHEDULED": "WAITING",
    "CHANGED": "WAITING",
    "ASKED_BACK": "UNCONFIRMED",
    "FIRED": "CALLING",
    "CANCEL_ASKED": "CALLING",
    "ANSWERED": "ANSWERED",
    "MISSED": "MISSED",
    "GAVE_UP": "GAVE_UP",
    "EXPIRED": "EXPIRED",
    "CANCELLED": "CANCELLED",
}
ENDS = frozenset({"ANSWERED", "MISSED", "GAVE_UP", "EXPIRED", "CANCELLED"})
# Facts of one millisecond, in the order in which they follow from each other.
_ORDER = {kind: place for place, kind in enumerate(_STATES)}


class Told(NamedTuple):
    """A row of a user: of which reminder, of what kind (rows.py), and the record."""

    reminder: str
    kind: str
    record: Record


def told(key: bytes, value: bytes, appended_at: int, decode: Callable[[str, bytes, int], Record]) -> Told:
    """From a row as the tables have it. `decode`: (topic, value, append time) → record."""
    _, reminder, rest = key.decode().split("\0", 2)
    return Told(reminder, rest[0], decode(_TOPIC_OF[rest[0]], value, appended_at))


@dataclass(slots=True)
class _Occurrence:
    events: list[Record] = field(default_factory=list)
    attempts: dict[tuple[int, int], Record] = field(default_factory=dict)
    calls: dict[tuple[int, int], list[Record]] = field(default_factory=dict)
    charge: Record | None = None


@dataclass(slots=True)
class _Reminder:
    events: list[Record] = field(default_factory=list)
    occurrences: dict[int, _Occurrence] = field(default_factory=dict)
    sms_charge: Record | None = None

    def occurrence(self, due_at: int) -> _Occurrence:
        return self.occurrences.setdefault(due_at, _Occurrence())


def reminders(rows: Iterable[Told]) -> list[Object]:
    """The reminders of one user, the one that something happened to last first. Instants are epoch ms."""
    found: dict[str, _Reminder] = {}
    for row in rows:
        _put(found.setdefault(row.reminder, _Reminder()), row)
    lives = [_life(name, each) for name, each in found.items() if name and each.occurrences]
    return sorted(lives, key=lambda life: (-life["last_at"], life["reminder_id"]))


def _put(reminder: _Reminder, row: Told) -> None:
    record = row.record
    if row.kind == "e":
        reminder.events.append(record)
        if record["reminder_id"] is not None and record["due_at"] is not None:
            reminder.occurrence(record["due_at"]).events.append(record)
    elif row.kind == "a":
        reminder.occurrence(record["due_at"]).attempts[record["attempt"], record["try"]] = record
    elif row.kind == "c":
        calls = reminder.occurrence(record["due_at"]).calls
        calls.setdefault((record["attempt"], record["try"]), []).append(record)
    elif record["kind"] == "answered":
        reminder.occurrence(int(record["charge_id"].rpartition(":")[2])).charge = record
    else:
        reminder.sms_charge = record


def _by_time(records: Iterable[Record]) -> list[Record]:
    return sorted(records, key=lambda r: (r["at"], _ORDER.get(r.get("type", ""), 99), str(r)))


def _life(name: str, reminder: _Reminder) -> Object:
    events = _by_time(reminder.events)
    moved = [e["due_at"] for e in events if e["reminder_id"] is not None and e["due_at"] is not None]
    due_at = moved[-1] if moved else max(reminder.occurrences)
    subjects = [a["subject"] for o in reminder.occurrences.values() for a in o.attempts.values()]
    times = [e["at"] for e in events]
    times += [c["at"] for o in reminder.occurrences.values() for calls in o.calls.values() for c in calls]
    times += [a["fire_at"] for o in reminder.occurrences.values() for a in o.attempts.values()]
    occurrences = [_occurrence(at, each) for at, each in sorted(reminder.occurrences.items())]
    sids = [e["message_sid"] for e in events if e["message_sid"] is not None]
    return {
        "reminder_id": name,
        "message_sid": sids[0] if sids else None,
        "number": next((e["number"] for e in reversed(events) if e["number"] is not None), None),
        "subject": min(subjects) if subjects else None,
        "state": next(o["state"] for o in occurrences if o["due_at"] == due_at),
        "due_at": due_at,
        "last_at": max(times, default=due_at),
        "sms_charge": _money(reminder.sms_charge),
        "occurrences": occurrences,
        "events": [_event(e) for e in events],
    }


def _event(event: Record) -> Object:
    fields = ("event_id", "type", "at", "due_at", "attempt", "try", "charged", "reason")
    return {name: event[name] for name in fields}


def _occurrence(due_at: int, occurrence: _Occurrence) -> Object:
    state = "UNKNOWN"
    for event in _by_time(occurrence.events):
        # What came to its end stays there: a late FIRED of an attempt before says nothing new.
        if state not in ENDS or event["type"] in ENDS:
            state = _STATES.get(event["type"], state)
    keys = sorted(occurrence.attempts.keys() | occurrence.calls.keys())
    return {
        "due_at": due_at,
        "state": state,
        "attempts": [
            _attempt(key, occurrence.attempts.get(key), occurrence.calls.get(key, [])) for key in keys
        ],
        "charge": _money(occurrence.charge),
    }


def _attempt(key: tuple[int, int], due: Record | None, calls: list[Record]) -> Object:
    found = fold.absorb_all((c["state"], c["call_sid"]) for c in _by_time(calls))
    return {
        "attempt": key[0],
        "try": key[1],
        "fire_at": due["fire_at"] if due else None,
        "expires_at": due["expires_at"] if due else None,
        "outcome": fold.reads_as(found),
        "calls": [
            {name: c[name] for name in ("state", "call_sid", "digits", "reason", "at")}
            for c in _by_time(calls)
        ],
    }


def _money(charge: Record | None) -> Object | None:
    if charge is None:
        return None
    amount: Decimal = charge["amount"]
    return {
        "charge_id": charge["charge_id"],
        "amount": plain(amount),
        "currency": charge["currency"],
        "at": charge["at"],
    }


def plain(amount: Decimal) -> str:
    """Money as text, exactly, without needless zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
