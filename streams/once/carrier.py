"""What the pipeline asks of a telephone carrier, as a protocol: `connectors/carrier` implements it.

The one thing that matters here is the result of *placing*. A request to ring a phone cannot be repeated
safely (the carrier has no idempotency key), so a result says what is known, never what is likely:

- `Placed`   the carrier answered and named the call.
- `NotSent`  it is certain that the carrier did not act; the same try may be repeated later as a new try.
- `Refused`  the carrier answered that it will not; asking again would not change that.
- `Unknown`  the request may or may not have been acted upon. Never send it again; find out (`find_calls`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class CallRequest:
    """One call to place. Numbers are E.164; the URLs are ours and carry the identity of the try.

    `detect_machine` has the carrier find out who picked up before it asks for the words: "start" as soon as it can
    tell, "end" when a machine has said its greeting. It costs a few seconds of silence, and money.
    """

    to: str
    from_: str
    url: str
    fallback_url: str
    status_callback: str
    ring_timeout_s: int
    detect_machine: Literal["start", "end"] | None = None


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """One SMS to send. `status_callback` may be None: the carrier then tells nothing more."""

    to: str
    from_: str
    body: str
    status_callback: str | None


@dataclass(frozen=True, slots=True)
class Placed:
    """The carrier accepted: `sid` is its name for the call or message."""

    sid: str


# The reason of a NotSent that the carrier has spoken itself: it is there, and has no room (429).
THROTTLED = "429"


@dataclass(frozen=True, slots=True)
class NotSent:
    """Certainly not acted upon. `retry_after_s` is the carrier's own wish, where it named one."""

    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier said no. `code` is its error code (Twilio's five digits), or else the HTTP status."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been acted upon, or not."""

    reason: str


PlaceResult = Placed | NotSent | Refused | Unknown


@dataclass(frozen=True, slots=True)
class CarrierCall:
    """A call as the carrier knows it. Times are epoch ms, cut off to the second by the carrier."""

    sid: str
    to: str
    from_: str
    status: str  # queued ringing in-progress completed busy failed no-answer canceled
    created_at: int
    started_at: int | None = None
    ended_at: int | None = None

    @property
    def ended(self) -> bool:
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class CarrierMessage:
    """A message as the carrier knows it. `created_at` as in CarrierCall; `error_code` only when it failed."""

    sid: str
    to: str
    from_: str
    status: str  # accepted queued sending sent delivered undelivered failed …
    created_at: int
    body: str
    error_code: int | None = None


ENDED = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})

# What the carrier's words for a call mean as evidence. ANSWERED is none of them: it means that our answer gate gave
# the words; the carrier's in-progress says only that the call still lives.
CALL_STATES = {
    "queued": "PLACED",
    "initiated": "PLACED",
    "ringing": "RINGING",
    "in-progress": "RINGING",
    "completed": "COMPLETED",
    "busy": "BUSY",
    "no-answer": "NO_ANSWER",
    "failed": "FAILED",
    "canceled": "CANCELED",
}
MESSAGE_STATES = {
    "accepted": "SENT",
    "scheduled": "SENT",
    "queued": "SENT",
    "sending": "SENT",
    "sent": "SENT",
    "delivered": "DELIVERED",
    "partially_delivered": "DELIVERED",
    "read": "DELIVERED",
    "undelivered": "FAILED",
    "failed": "FAILED",
    "canceled": "FAILED",
}


class CarrierUnavailableError(Exception):
    """The carrier could not be asked, or its answer could not be read. Nothing is known; ask again later."""


class Carrier(Protocol):
    """A carrier account. All methods are coroutines of one event loop and never retry by themselves.

    `place_call` and `send_message` do not raise for anything the network or the carrier does: that is their
    result. The others raise CarrierUnavailableError.
    """

    async def place_call(self, request: CallRequest) -> PlaceResult: ...

    async def send_message(self, request: MessageRequest) -> PlaceResult: ...

    async def find_calls(self, to: str, from_: str, created_after_ms: int) -> Sequence[CarrierCall]:
        """Calls between the two numbers created at or after the second that holds `created_after_ms`."""
        ...

    async def find_messages(self, to: str, from_: str, created_after_ms: int) -> Sequence[CarrierMessage]: ...

    async def fetch_call(self, sid: str) -> CarrierCall | None:
        """None when the carrier has no such call."""
        ...

    async def fetch_message(self, sid: str) -> CarrierMessage | None:
        """None when the carrier has no such message."""
        ...

    async def cancel(self, sid: str) -> CarrierCall | None:
        """Take back a call that is queued or ringing; one that was picked up goes on.

        The call as it is after; None when there is no such call.
        """
        ...

    async def hang_up(self, sid: str) -> CarrierCall | None:
        """End a call in whatever state it is. The call as it is after; None when there is no such call."""
        ...
