"""Facts about a call as the gateway writes them, in one place for all who play the gateway in a test."""

from __future__ import annotations

from typing import Any

from streams.ids import CallKey


def evidence(key: CallKey, user: str, state: str, sid: str | None, at_ms: int) -> dict[str, Any]:
    """A `CallEvent` of tenant acme: the carrier's callback, or the words that were given (ANSWERED, TOLD)."""
    return {
        "reminder_id": key.reminder_id,
        "user": user,
        "tenant": "acme",
        "due_at": key.due_at,
        "attempt": key.attempt,
        "try": key.try_,
        "state": state,
        "call_sid": sid,
        "epoch": None,
        "digits": None,
        "reason": None,
        "code": None,
        "at": at_ms,
    }
