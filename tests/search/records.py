"""The records that reach the stage, cut to what differs. A time that never comes is outside of what is a time here."""

from __future__ import annotations

from typing import Any

from streams.ids import CallKey
from tests.search.production import OURS, USER

NEVER_MS = 10**15


def due(key: CallKey) -> dict[str, Any]:
    return {
        "reminder_id": key.reminder_id,
        "user": USER,
        "tenant": "acme",
        "from": OURS,
        "due_at": key.due_at,
        "fire_at": key.due_at,
        "attempt": key.attempt,
        "try": key.try_,
        "subject": "buy milk",
        "language": "en",
        "expires_at": NEVER_MS,
        "quiet_from": None,
        "quiet_until": None,
    }


def cancel(key: CallKey) -> dict[str, Any]:
    return {
        "event_id": "cancel",
        "type": "CANCEL_ASKED",
        "tenant": "acme",
        "user": USER,
        "reminder_id": key.reminder_id,
        "due_at": key.due_at,
        "at": 0,
    }
