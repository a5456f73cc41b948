"""Records as the pipeline would write them, from a seed: lives of reminders, calls, charges, dead letters."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from schemas import codec
from streams import ids

NAMES = {
    "reminders.events": "ReminderEvent",
    "reminders.due": "ReminderDue",
    "calls.events": "CallEvent",
    "billing.charges": "Charge",
    "dead.letters": "DeadLetter",
}
TENANTS = {"acme": "USD", "bolt": "EUR"}
ENDS = ("ANSWERED", "MISSED", "GAVE_UP", "CANCELLED")


class Written(NamedTuple):
    """A record on its way to a topic. `at`: epoch ms of what it tells."""

    topic: str
    key: str
    record: Mapping[str, Any]

    @property
    def value(self) -> bytes:
        return codec.encode(NAMES[self.topic], self.record)


def event(kind: str, user: str, at: int, **more: Any) -> Written:
    """A fact. Its id is made from what it says, as the pipeline makes them."""
    tenant = user.partition("|")[0]
    given: dict[str, Any] = {
        "reminder_id": None,
        "message_sid": None,
        "due_at": None,
        "charged": None,
        **more,
    }
    name = ids.event_id(kind, given["reminder_id"] or given["message_sid"], given["due_at"], given.get("try"))
    fixed = {"attempt": None, "try": None, "number": None, "reason": None}
    record = {"event_id": name, "type": kind, "tenant": tenant, "user": user, "at": at, **fixed, **given}
    return Written("reminders.events", user, record)


def due(user: str, reminder: str, due_at: int, attempt: int, subject: str) -> Written:
    record = {
        "reminder_id": reminder,
        "user": user,
        "tenant": user.partition("|")[0],
        "from": "+14155550100",
        "due_at": due_at,
        "fire_at": due_at + 60_000 * (attempt - 1),
        "attempt": attempt,
        "try": 1,
        "subject": subject,
        "language": "en",
        "expires_at": due_at + 900_000,
        "quiet_from": None,
        "quiet_until": None,
    }
    return Written("reminders.due", user, record)


def call(
    user: str, reminder: str, due_at: int, attempt: int, state: str, sid: str | None, at: int
) -> Written:
    record = {
        "reminder_id": reminder,
        "user": user,
        "tenant": user.partition("|")[0],
        "due_at": due_at,
        "attempt": attempt,
        "try": 1,
        "state": state,
        "call_sid": sid,
        "epoch": 1,
        "digits": None,
        "reason": None,
        "at": at,
        "code": None,
    }
    return Written("calls.events", user, record)


def charge(user: str, name: str, kind: str, amount: Decimal, at: int) -> Written:
    tenant = user.partition("|")[0]
    record = {
        "charge_id": name,
        "tenant": tenant,
        "user": user,
        "kind": kind,
        "amount": amount,
        "currency": TENANTS.get(tenant, "USD"),
        "at": at,
    }
    return Written("billing.charges", user, record)


def dead_letter(offset: int, reason: str, at: int, topic: str = "sms.inbound") -> Written:
    record = {
        "source_topic": topic,
        "source_partition": offset % 4,
        "source_offset": offset,
        "source_timestamp": at,
        "reason": reason,
        "detail": "made by a test",
        "key": None,
        "value": b"nonsense",
        "value_length": 8,
        "value_sha256": "00" * 32,
        "at": at,
    }
    return Written("dead.letters", str(offset), record)


def life(rng: random.Random, user: str, number: int, now_ms: int) -> Iterator[Written]:
    """One reminder from its SMS to its end, in the order of its life."""
    sid = f"SM{rng.getrandbits(128):032x}"
    reminder = ids.reminder_id(sid)
    at = now_ms - rng.randrange(3 * 86_400_000)
    due_at = at + rng.randrange(60_000, 3_600_000)
    about: dict[str, Any] = {"reminder_id": reminder, "due_at": due_at, "number": number}
    yield event("SCHEDULED", user, at, message_sid=sid, charged=True, **about)
    yield charge(user, ids.charge_id_sms(sid), "sms", Decimal("0.0075"), at + 5)
    attempts = rng.randrange(1, 4)
    end = rng.choice(ENDS)
    for attempt in range(1, attempts + 1):
        fired_at = due_at + 60_000 * (attempt - 1)
        yield event("FIRED", user, fired_at, **about, attempt=attempt, **{"try": attempt})
        yield due(user, reminder, due_at, attempt, f"thing {number}")
        call_sid = f"CA{rng.getrandbits(128):032x}"
        last = attempt == attempts
        states = ["CLAIMED", "PLACED", "RINGING"]
        states += ["ANSWERED", "TOLD", "COMPLETED"] if last and end == "ANSWERED" else ["NO_ANSWER"]
        for step, state in enumerate(states):
            known = None if state == "CLAIMED" else call_sid
            yield call(user, reminder, due_at, attempt, state, known, fired_at + 500 * step)
    yield event(end, user, due_at + 60_000 * attempts, **about)
    if end == "ANSWERED":
        amount = Decimal(rng.randrange(1, 2_000_000)).scaleb(-6)
        yield charge(user, ids.charge_id_answered(reminder, due_at), "answered", amount, due_at + 1_000)


def traffic(seed: int, lives: int, now_ms: int, users: int = 20) -> list[Written]:
    """Lives of reminders one after the other, with SMS that came to nothing and dead letters between them."""
    rng = random.Random(seed)
    found: list[Written] = []
    for number in range(lives):
        tenant = rng.choice(list(TENANTS))
        user = ids.user_key(tenant, f"+1415555{rng.randrange(users):04d}")
        found += life(rng, user, number, now_ms)
        at = now_ms - rng.randrange(3 * 86_400_000)
        if rng.random() < 0.2:
            found.append(
                event("REFUSED", user, at, message_sid=f"SM{rng.getrandbits(128):032x}", charged=False)
            )
        if rng.random() < 0.1:
            found.append(dead_letter(number, rng.choice(["undecodable", "unknown_number"]), at))
    return found
