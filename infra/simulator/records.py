"""Calls and messages: their state, and how Twilio's API shows it (resources of the 2010-04-01 version)."""

import asyncio
import math
import time
import uuid
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from infra.simulator.settings import Account
from infra.simulator.truth import wall_ms

API_VERSION = "2010-04-01"
CALL_ENDS = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})


@lru_cache(maxsize=4096)
def _rfc2822(second: int) -> str:
    return formatdate(second)[:-5] + "+0000"


def rfc2822(at_ms: int | None) -> str | None:
    """As Twilio prints times: `Tue, 31 Aug 2010 20:36:28 +0000`, cut off to the second."""
    return None if at_ms is None else _rfc2822(at_ms // 1000)


@dataclass(slots=True, eq=False)
class Call:
    """One outgoing call. Times are epoch ms."""

    account: Account
    to: str
    from_: str
    url: str | None
    method: str
    twiml: str | None
    fallback_url: str | None
    fallback_method: str
    status_callback: str | None
    status_callback_method: str
    events: frozenset[str]
    ring_timeout_s: int
    machine_detection: str | None
    sid: str = field(default_factory=lambda: "CA" + uuid.uuid4().hex)
    status: str = "queued"
    created_at: int = field(default_factory=wall_ms)
    updated_at: int = 0
    started_at: int | None = None
    answered_mono: float | None = None
    ended_at: int | None = None
    duration_s: int | None = None
    answered_by: str | None = None
    queue_time_ms: int = 0
    sequence: int = 0  # of the next callback
    last_callback: "asyncio.Task[None] | None" = None
    life: "asyncio.Task[None] | None" = None

    @property
    def ended(self) -> bool:
        return self.status in CALL_ENDS

    @property
    def talked_s(self) -> int:
        """Whole seconds since the answer, rounded up as the carrier bills them."""
        return 0 if self.answered_mono is None else math.ceil(time.monotonic() - self.answered_mono)

    def resource(self) -> dict[str, Any]:
        uri = f"/{API_VERSION}/Accounts/{self.account.sid}/Calls/{self.sid}"
        done = self.status == "completed"
        return {
            "sid": self.sid,
            "account_sid": self.account.sid,
            "date_created": rfc2822(self.created_at),
            "date_updated": rfc2822(self.updated_at or self.created_at),
            "parent_call_sid": None,
            "to": self.to,
            "to_formatted": self.to,
            "from": self.from_,
            "from_formatted": self.from_,
            "phone_number_sid": None,
            "status": self.status,
            "start_time": rfc2822(self.started_at),
            "end_time": rfc2822(self.ended_at),
            "duration": str(self.duration_s) if done else None,
            "price": None,  # filled in later by the real carrier, too
            "price_unit": "USD",
            "direction": "outbound-api",
            "answered_by": self.answered_by,
            "api_version": API_VERSION,
            "forwarded_from": None,
            "group_sid": None,
            "caller_name": None,
            "queue_time": str(self.queue_time_ms),
            "trunk_sid": None,
            "uri": f"{uri}.json",
            "subresource_uris": {
                "notifications": f"{uri}/Notifications.json",
                "recordings": f"{uri}/Recordings.json",
                "events": f"{uri}/Events.json",
            },
        }


@dataclass(slots=True, eq=False)
class Message:
    """One SMS, out (`outbound-api`) or in (`inbound`). Times are epoch ms."""

    account: Account
    to: str
    from_: str
    body: str
    status_callback: str | None
    direction: str = "outbound-api"
    sid: str = field(default_factory=lambda: "SM" + uuid.uuid4().hex)
    status: str = "queued"
    created_at: int = field(default_factory=wall_ms)
    updated_at: int = 0
    started_at: int | None = None  # date_sent
    ended_at: int | None = None
    error_code: int | None = None
    last_callback: "asyncio.Task[None] | None" = None
    life: "asyncio.Task[None] | None" = None

    @property
    def ended(self) -> bool:
        return self.status in {"delivered", "undelivered", "failed", "received"}

    @property
    def segments(self) -> int:
        """SMS parts: 160 septets or 70 UTF-16 units alone, 153 or 67 each in a chain (GSM 03.38, roughly)."""
        single, chained = (160, 153) if self.body.isascii() else (70, 67)
        units = len(self.body.encode("utf-16-le")) // 2
        return 1 if units <= single else -(-units // chained)

    def resource(self) -> dict[str, Any]:
        uri = f"/{API_VERSION}/Accounts/{self.account.sid}/Messages/{self.sid}"
        return {
            "sid": self.sid,
            "account_sid": self.account.sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": rfc2822(self.created_at),
            "date_updated": rfc2822(self.updated_at or self.created_at),
            "date_sent": rfc2822(self.started_at),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": None if self.error_code is None else f"Error {self.error_code}",
            "from": self.from_,
            "to": self.to,
            "messaging_service_sid": None,
            "num_media": "0",
            "num_segments": str(self.segments),
            "price": None,
            "price_unit": "USD",
            "status": self.status,
            "uri": f"{uri}.json",
            "subresource_uris": {"media": f"{uri}/Media.json"},
        }
