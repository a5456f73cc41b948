"""One record of each kind as people would meet it, for the interface documents. The codec makes their bytes, so an
example that no longer fits its schema cannot be written.

A field that is not given here takes its default, or a plain value of its type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from schemas import catalog

NUMBER, OURS, USER = "+14155550101", "+14155550100", "acme|+14155550101"
SID, CALL = "SM" + "1" * 32, "CA" + "2" * 32
REMINDER = "5f0b1b8e-3f0e-5d5b-9f3b-0c6c8a5b7a10"
RECEIVED_MS = 1_795_255_200_000  # 2026-11-21T10:00:00Z
DUE_MS = RECEIVED_MS + 30_600_000  # 18:30

_TRY: dict[str, Any] = {"due_at": DUE_MS, "attempt": 1, "try": 1}
_OF_USER: dict[str, Any] = {"tenant": "acme", "user": USER}
_OF_REMINDER: dict[str, Any] = {**_OF_USER, "reminder_id": REMINDER}

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "SmsReceived": {
        "message_sid": SID,
        "from": NUMBER,
        "to": OURS,
        "body": "Remind me to buy milk at 6:30 PM",
        "received_at": RECEIVED_MS,
    },
    "Request": {
        **_OF_USER,
        "message_sid": SID,
        "from": NUMBER,
        "to": OURS,
        "received_at": RECEIVED_MS,
        "text": "Remind me to buy milk at 6:30 PM",
        "command": "remind",
        "subject": "buy milk",
        "accepted_at": RECEIVED_MS + 5,
    },
    "ReminderEvent": {
        **_OF_REMINDER,
        "event_id": f"outcome:{SID}",
        "type": "SCHEDULED",
        "message_sid": SID,
        "due_at": DUE_MS,
        "charged": True,
        "number": 1,
        "at": RECEIVED_MS + 40,
    },
    "ReminderDue": {
        **_OF_REMINDER,
        **_TRY,
        "from": OURS,
        "fire_at": DUE_MS,
        "subject": "buy milk",
        "language": "en",
        "expires_at": DUE_MS + 900_000,
    },
    "CallEvent": {
        **_OF_REMINDER,
        **_TRY,
        "state": "ANSWERED",
        "call_sid": CALL,
        "epoch": 3,
        "at": DUE_MS + 9_000,
    },
    "SmsReply": {
        **_OF_USER,
        "reply_id": f"ack:{SID}",
        "in_reply_to": SID,
        "from": OURS,
        "to": NUMBER,
        "body": "OK, 1: buy milk, today at 6:30 PM.",
        "kind": "ack",
        "at": RECEIVED_MS + 40,
        "accepted_at": RECEIVED_MS + 5,
    },
    "SmsEvent": {
        **_OF_USER,
        "reply_id": f"ack:{SID}",
        "try": 1,
        "state": "SENT",
        "message_sid": "SM" + "3" * 32,
        "epoch": 2,
        "at": RECEIVED_MS + 300,
    },
    "Charge": {
        **_OF_USER,
        "charge_id": f"sms:{SID}",
        "kind": "sms",
        "amount": Decimal("0.010000"),
        "currency": "USD",
        "at": RECEIVED_MS + 40,
    },
    "Tenant": {
        "id": "acme",
        "numbers": [OURS],
        "timezone": "America/Los_Angeles",
        "price_per_sms": Decimal("0.010000"),
        "price_per_answered_call": Decimal("0.100000"),
        "calls_per_second": 10.0,
    },
    "DeadLetter": {
        "source_topic": "sms.inbound",
        "source_partition": 3,
        "source_offset": 17,
        "source_timestamp": RECEIVED_MS,
        "reason": "undecodable",
        "detail": "JSON: Object missing required field `from`",
        "key": None,
        "value": b'{"body": "hi"}',
        "value_length": 14,
        "value_sha256": "6b1f4b8c5d0e1b8c5f3a2d7e9c4b6a8f0d2e4c6b8a9f1e3d5c7b9a0f2e4d6c8b",
        "at": RECEIVED_MS + 20,
    },
}

# What `kcat` would produce to `sms.inbound`.
JSON_SMS = json.dumps(
    {"message_sid": SID, "from": NUMBER, "to": OURS, "body": "Remind me to buy milk at 6:30 PM"}
)

_PLAIN: Mapping[str, Any] = {
    "null": None,
    "boolean": False,
    "int": 1,
    "long": 1,
    "float": 1.0,
    "double": 1.0,
    "bytes": b"",
    "string": "text",
}


def example(name: str) -> dict[str, Any]:
    """A record of type `name`. Raises KeyError for a field that the schema no longer has."""
    schema = catalog.current()[name].schema
    given = dict(EXAMPLES.get(name, {}))
    record = {f["name"]: given.pop(f["name"]) if f["name"] in given else _field(f) for f in schema["fields"]}
    if given:
        raise KeyError(f"{name} has no {', '.join(sorted(given))}: change infra/docs/examples.py")
    return record


def _field(field: Mapping[str, Any]) -> Any:
    return _value(field["type"])


def _value(schema: Any) -> Any:
    if isinstance(schema, list):
        return None if "null" in schema else _value(schema[0])
    if isinstance(schema, str):
        return _PLAIN[schema]
    kind, logical = schema["type"], schema.get("logicalType")
    if logical == "timestamp-millis":
        return RECEIVED_MS
    if logical == "decimal":
        return Decimal(1).scaleb(-int(schema.get("scale", 0)))
    if kind == "record":
        return {f["name"]: _value(f["type"]) for f in schema["fields"]}
    if kind == "array":
        return []
    return {} if kind == "map" else _value(kind)
