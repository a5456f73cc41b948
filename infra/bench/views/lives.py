"""What the read models have to read: whole lives of reminders, over the four topics, in transactions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from confluent_kafka import Producer

from schemas import codec
from streams import ids
from streams.topology import CALLS, CHARGES, DUE, EVENTS, PARTITIONER

RECORDS_OF_A_LIFE = 10
USERS, TENANTS = 5_000, 20
DAY_MS = 86_400_000


def fill(config: dict[str, str], lives: int) -> None:
    """So many lives, `RECORDS_OF_A_LIFE` records each, 500 lives a transaction."""
    # Compressed as the gateway does, which costs a reader more than what stages write.
    how = {"partitioner": PARTITIONER, "linger.ms": 20, "compression.type": "lz4", "log_level": 0}
    producer = Producer({**config, **how, "transactional.id": "bench"})
    producer.init_transactions(30)
    names = {EVENTS.name: "ReminderEvent", DUE.name: "ReminderDue", CALLS.name: "CallEvent"}
    encoders = {topic: codec.encoder(name) for topic, name in (names | {CHARGES.name: "Charge"}).items()}
    now_ms = time.time_ns() // 1_000_000
    for number in range(lives):
        if number % 500 == 0:
            if number:
                producer.commit_transaction(60)
            producer.begin_transaction()
        for topic, record in life(number, now_ms):
            producer.produce(topic, encoders[topic](record), key=record["user"])
            producer.poll(0)
    producer.commit_transaction(60)


def life(number: int, now_ms: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """(topic, record) of one reminder that was asked for, called and answered."""
    tenant = f"tenant-{number % TENANTS}"
    user = ids.user_key(tenant, f"+1415{number % USERS:07d}")
    sid = f"SM{number:032x}"
    reminder, at = ids.reminder_id(sid), now_ms - number * 7_919 % (7 * DAY_MS)
    due_at = at + 600_000
    who = {"reminder_id": reminder, "tenant": tenant, "user": user, "due_at": due_at}

    def fact(kind: str, at: int, **more: Any) -> tuple[str, dict[str, Any]]:
        fixed = {"attempt": None, "try": None, "message_sid": None, "charged": None, "reason": None}
        event_id = ids.event_id(kind, reminder, due_at)
        return EVENTS.name, {
            "event_id": event_id,
            "type": kind,
            "at": at,
            "number": 1,
            **who,
            **fixed,
            **more,
        }

    def call(state: str, at: int) -> tuple[str, dict[str, Any]]:
        key = {"attempt": 1, "try": 1, "epoch": 1, "digits": None, "reason": None, "code": None}
        return CALLS.name, {**who, **key, "state": state, "call_sid": f"CA{number:032x}", "at": at}

    def charge(name: str, kind: str, amount: str) -> tuple[str, dict[str, Any]]:
        of = {
            "charge_id": name,
            "tenant": tenant,
            "user": user,
            "kind": kind,
            "currency": "USD",
            "at": due_at,
        }
        return CHARGES.name, {**of, "amount": Decimal(amount)}

    yield fact("SCHEDULED", at, message_sid=sid, charged=True)
    yield charge(ids.charge_id_sms(sid), "sms", "0.0075")
    yield fact("FIRED", due_at, attempt=1, **{"try": 1})
    attempt = {"attempt": 1, "try": 1, "fire_at": due_at, "expires_at": due_at + 900_000}
    words = {"from": "+14155550100", "subject": "buy milk", "language": "en"}
    yield DUE.name, {**who, **attempt, **words, "quiet_from": None, "quiet_until": None}
    for step, state in enumerate(("CLAIMED", "PLACED", "ANSWERED", "COMPLETED")):
        yield call(state, due_at + 900 * step)
    yield fact("ANSWERED", due_at + 2_000)
    yield charge(ids.charge_id_answered(reminder, due_at), "answered", "0.02")
