"""A carrier that does what a test tells it to, and keeps the ground truth."""

from __future__ import annotations

import copy
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from streams.once.carrier import (
    ENDED,
    CallRequest,
    CarrierCall,
    CarrierMessage,
    CarrierUnavailableError,
    MessageRequest,
    NotSent,
    Placed,
    PlaceResult,
    Refused,
    Unknown,
)
from streams.runtime.clock import Clock


@dataclass
class ScriptedCarrier:
    """`script` says what happens to the next requests; when it is empty they are accepted.

    accept      acted upon, and said so
    reply_lost  acted upon, but the reply is lost: Unknown
    later       Unknown, and acted upon only when `deliver_late()` is called
    dropped     Unknown, and never acted upon
    not_sent    certainly not acted upon
    refused     the carrier says no
    """

    clock: Clock
    script: deque[str] = field(default_factory=deque)
    away: bool = False
    calls: dict[str, CarrierCall] = field(default_factory=dict)
    messages: dict[str, CarrierMessage] = field(default_factory=dict)
    purpose: dict[str, str] = field(default_factory=dict)  # sid → what the request said it is for
    late: list[CallRequest | MessageRequest] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def accepted(self) -> Counter[str]:
        """How many calls or messages were made for each purpose."""
        return Counter(self.purpose.values())

    async def place_call(self, request: CallRequest) -> PlaceResult:
        return self._take(request)

    async def send_message(self, request: MessageRequest) -> PlaceResult:
        return self._take(request)

    def _take(self, request: CallRequest | MessageRequest) -> PlaceResult:
        match self.script.popleft() if self.script else "accept":
            case "accept":
                return Placed(self._accept(request))
            case "reply_lost":
                self._accept(request)
            case "later":
                self.late.append(request)
            case "not_sent":
                return NotSent("connection refused")
            case "refused":
                return Refused(21211, "not a phone number")
        return Unknown("read timeout")

    def deliver_late(self) -> str:
        """A request that was on its way arrives now; the sid."""
        return self._accept(self.late.pop(0))

    def _accept(self, request: CallRequest | MessageRequest) -> str:
        now_ms = self.clock.now_ms()
        if isinstance(request, CallRequest):
            sid = f"CA{len(self.calls) + 1}"
            self.calls[sid] = CarrierCall(sid, request.to, request.from_, "queued", now_ms)
            self.purpose[sid] = request.url
        else:
            sid = f"SM{len(self.messages) + 1}"
            self.messages[sid] = CarrierMessage(
                sid, request.to, request.from_, "queued", now_ms, request.body
            )
            self.purpose[sid] = request.status_callback or ""
        return sid

    def become(self, sid: str, status: str) -> None:
        """What the phone network did."""
        if sid in self.calls:
            self.calls[sid] = replace(self.calls[sid], status=status)
        else:
            self.messages[sid] = replace(self.messages[sid], status=status)

    def _ask(self) -> None:
        if self.away:
            raise CarrierUnavailableError("away")

    async def find_calls(self, to: str, from_: str, created_after_ms: int) -> Sequence[CarrierCall]:
        self._ask()
        found = [c for c in self.calls.values() if c.to == to and c.from_ == from_]
        return copy.deepcopy([c for c in found if c.created_at >= created_after_ms])

    async def find_messages(self, to: str, from_: str, created_after_ms: int) -> Sequence[CarrierMessage]:
        self._ask()
        found = [m for m in self.messages.values() if m.to == to and m.from_ == from_]
        return copy.deepcopy([m for m in found if m.created_at >= created_after_ms])

    async def fetch_call(self, sid: str) -> CarrierCall | None:
        self._ask()
        return self.calls.get(sid)

    async def fetch_message(self, sid: str) -> CarrierMessage | None:
        self._ask()
        return self.messages.get(sid)

    async def cancel(self, sid: str) -> CarrierCall | None:
        self._ask()
        self.cancelled.append(sid)
        call = self.calls.get(sid)
        if call is not None and call.status in ("queued", "ringing"):
            self.become(sid, "canceled")
        return self.calls.get(sid)

    async def hang_up(self, sid: str) -> CarrierCall | None:
        self._ask()
        if sid in self.calls and self.calls[sid].status not in ENDED:
            self.become(sid, "completed")
        return self.calls.get(sid)
