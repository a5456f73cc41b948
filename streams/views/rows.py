"""What a record means for the read models: one row, kept by its id, and the sums that the row adds to. Pure.

    row     u user ␀ reminder ␀ kind, id    the record as it came; kinds: e event, a attempt, c call, m money
            d topic ␀ partition, offset     a dead letter, by the place of the record that was set aside
    sum     c day tenant ␀ minute, what     events by type, and pieces of call evidence by state
            m tenant ␀ day, currency ␀ kind ␀ what      charges, and their millionths
            d day topic ␀ reason            dead letters
            t tenant                        records about it

Numbers are big endian, so that keys stand in the order of time. Days are UTC, and so are minutes: by the record's `at`,
not by when it was read, so a record that comes late goes into the window that it belongs to.

A row is written once. Whether it was new is all that decides whether its sums are added, and both are one transaction
(tables.py), so figures are a function of the set of records: of their order and number nothing is left.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from streams import ids
from streams.runtime.processor import Poison
from streams.topology import CALLS, CHARGES, DEAD_LETTERS, DUE, EVENTS

DAY_MS, MINUTE_MS = 86_400_000, 60_000
MICROS = 6  # decimal places of a charge, as its schema has them
LAST_MINUTE = 2**32
# What LMDB takes as a key, less what stands before it in the table of what is to be forgotten.
MAX_KEY_BYTES = 511 - 6
_U32 = struct.Struct(">I")
_PLACE = struct.Struct(">IQ")

Record = Mapping[str, Any]


class Row(NamedTuple):
    """`sums`: key and amount of each."""

    key: bytes
    sums: tuple[tuple[bytes, int], ...]


def user_prefix(user: str) -> bytes:
    """What the keys of a user's rows begin with."""
    return b"u" + user.encode() + b"\0"


def dead_key(topic: str, partition: int, offset: int) -> bytes:
    return b"d" + topic.encode() + b"\0" + _PLACE.pack(partition, offset)


def day_of(at_ms: int) -> bytes:
    return _U32.pack(at_ms // DAY_MS)


def minute_of(at_ms: int) -> bytes:
    return _U32.pack(at_ms // MINUTE_MS)


def number(packed: bytes) -> int:
    """The day or minute that was packed."""
    return int(_U32.unpack(packed)[0])


def _row(record: Record, reminder: str, kind: str, name: str, *sums: tuple[bytes, int]) -> Row:
    user = record["user"]
    if "\0" in user or "\0" in reminder or "\0" in record["tenant"]:
        raise Poison("name", "a name holds a zero byte")
    key = f"u{user}\0{reminder}\0{kind}{name}".encode()
    if len(key) > MAX_KEY_BYTES:
        raise Poison("name", f"names of {len(key)} bytes, where {MAX_KEY_BYTES} is the most")
    return Row(key, (*sums, (b"t" + record["tenant"].encode(), 1)))


def _time(record: Record) -> int:
    at: int = record["at"]
    if not 0 <= at // MINUTE_MS < LAST_MINUTE:
        raise Poison("time", "its time is none")
    return at


def _count(record: Record, what: str) -> tuple[bytes, int]:
    at = _time(record)
    return b"c%b%b\0%b%b" % (day_of(at), record["tenant"].encode(), minute_of(at), what.encode()), 1


def _event(record: Record) -> Row:
    # What an SMS came to stands beside the reminder that it asked for, or would have asked for.
    sid = record["message_sid"]
    reminder = record["reminder_id"] or (ids.reminder_id(sid) if sid else "")
    return _row(record, reminder, "e", record["event_id"], _count(record, record["type"]))


def _attempt(record: Record) -> Row:
    name = f"{record['due_at']}|{record['attempt']}|{record['try']}"
    return _row(record, record["reminder_id"], "a", name)


def _call(record: Record) -> Row:
    # The same state of the same call is the same evidence, whoever reports it and when.
    name = "|".join(
        str(record[field]) for field in ("due_at", "attempt", "try", "state", "call_sid", "digits")
    )
    return _row(record, record["reminder_id"], "c", name, _count(record, f"call {record['state']}"))


def _charge(record: Record) -> Row:
    charge = record["charge_id"]
    cause, _, rest = charge.partition(":")
    reminder = ids.reminder_id(rest) if cause == "sms" else rest.partition(":")[0]
    day = b"m%b\0%b%b\0%b\0" % (
        record["tenant"].encode(),
        day_of(_time(record)),
        record["currency"].encode(),
        record["kind"].encode(),
    )
    micros = int(record["amount"].scaleb(MICROS))
    return _row(record, reminder, "m", charge, (day + b"n", 1), (day + b"a", micros))


def _dead_letter(record: Record) -> Row:
    topic, reason = record["source_topic"], record["reason"]
    key = dead_key(topic, record["source_partition"], record["source_offset"])
    if len(key) > MAX_KEY_BYTES or "\0" in topic or "\0" in reason or len(reason) > 200:
        raise Poison("name", "its topic or reason is no name")
    return Row(key, ((b"d%b%b\0%b" % (day_of(_time(record)), topic.encode(), reason.encode()), 1),))


MEANINGS: Mapping[str, tuple[str, Callable[[Record], Row]]] = {
    EVENTS.name: ("ReminderEvent", _event),
    DUE.name: ("ReminderDue", _attempt),
    CALLS.name: ("CallEvent", _call),
    CHARGES.name: ("Charge", _charge),
    DEAD_LETTERS.name: ("DeadLetter", _dead_letter),
}
"""Topic → the Avro name of its records, and record → Row, which raises Poison for what cannot be."""
