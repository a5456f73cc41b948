"""What the figures ought to be: a fold in dictionaries, by somebody who has read the contract and not the code.

It shares nothing with streams/views. Of two records with one id the first counts. Minutes and days are UTC, by `at`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from schemas import codec

Figures = dict[str, Any]


def _id(topic: str, record: Any) -> tuple[Any, ...]:
    if topic == "reminders.events":
        return (record["user"], record["event_id"])
    if topic == "billing.charges":
        return (record["charge_id"],)
    if topic == "dead.letters":
        return (record["source_topic"], record["source_partition"], record["source_offset"])
    names = ("reminder_id", "due_at", "attempt", "try", "state", "call_sid", "digits")
    return tuple(record.get(name) for name in names)


def day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")


def fold(records: Iterable[tuple[str, bytes]]) -> Figures:
    """From (topic, value) in the order of the log."""
    seen: set[tuple[Any, ...]] = set()
    counts: dict[str, Counter[tuple[int, str]]] = defaultdict(Counter)
    charges: dict[str, dict[tuple[str, str, str], list[Any]]] = defaultdict(dict)
    dead: Counter[tuple[str, str]] = Counter()
    lives: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    skipped: Counter[str] = Counter()
    for topic, value in records:
        try:
            record: Any = codec.decode(value).record
        except codec.CodecError:
            skipped[topic] += 1
            continue
        name = (topic, *_id(topic, record))
        if name in seen:
            continue
        seen.add(name)
        if topic == "dead.letters":
            dead[record["source_topic"], record["reason"]] += 1
            continue
        tenant = record["tenant"]
        if topic == "reminders.events":
            counts[tenant][record["at"] // 60_000, record["type"]] += 1
            if record["reminder_id"]:
                lives[record["user"]][record["reminder_id"]].add(record["event_id"])
        elif topic == "calls.events":
            counts[tenant][record["at"] // 60_000, f"call:{record['state']}"] += 1
        elif topic == "billing.charges":
            key = (day(record["at"]), record["currency"], record["kind"])
            each = charges[tenant].setdefault(key, [0, Decimal(0)])
            each[0] += 1
            each[1] += record["amount"]
    return {
        "counts": {t: dict(c) for t, c in counts.items()},
        "charges": {t: {k: tuple(v) for k, v in c.items()} for t, c in charges.items()},
        "dead": dict(dead),
        "lives": {u: {r: frozenset(e) for r, e in found.items()} for u, found in lives.items()},
        "skipped": dict(skipped),
    }
