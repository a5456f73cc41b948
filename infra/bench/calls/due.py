"""What the calling consumer is given: one first attempt a user, due now.

Each run has users of its own: a call of which nobody tells the end keeps its user's next call waiting.
"""

from __future__ import annotations

import time
from typing import Any

from schemas.records import ReminderDue
from streams.ids import reminder_id, user_key

TENANT = "t0"
OUR_NUMBER = "+13125550000"
PUBLIC_URL = "https://sms.example.com"
GRACE_MS = 900_000


RUN_USERS = 100_000


def phone(number: int, run: int = 0) -> str:
    """`number` below RUN_USERS."""
    return f"+1212{run * RUN_USERS + number:07d}"


def due(number: int, run: int) -> ReminderDue:
    """The first try of reminder `number` of a run."""
    now_ms = int(time.time() * 1000)
    return {
        "reminder_id": reminder_id(f"{run}-{number}"),
        "user": user_key(TENANT, phone(number, run)),
        "tenant": TENANT,
        "from": OUR_NUMBER,
        "due_at": now_ms,
        "fire_at": now_ms,
        "attempt": 1,
        "try": 1,
        "subject": "buy milk and call the plumber",
        "language": "en",
        "expires_at": now_ms + GRACE_MS,
        "quiet_from": None,
        "quiet_until": None,
    }


def value(number: int, run: int) -> tuple[str, dict[str, Any]]:
    """Key and value for `reminders.due`."""
    record = due(number, run)
    return record["user"], dict(record)
