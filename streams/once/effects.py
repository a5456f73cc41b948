"""What the owners of attempts ask to be done outside Kafka. `connectors/hands.py` runs these; each has one answer.

An effect carries what its answer must be read against (`key`, `claimed_at`), so that a processor can tell the
answer of an old claim from that of the present one.
"""

from __future__ import annotations

from dataclasses import dataclass

from streams.once.carrier import CallRequest, MessageRequest
from streams.once.gate import Cap, GateEntry, Say


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Answer: what was asked did not answer. Asking again is safe."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stale:
    """Answer to Place: the claim was too old when its turn came. Certainly not sent."""


@dataclass(frozen=True, slots=True)
class Enter:
    """Ask the gate, `delay_ms` from now. Answer: a gate Verdict, or Unavailable."""

    scope: str
    state_key: str
    key: str
    epoch: int
    claimed_at: int
    say: Say | None
    cap: Cap | None
    delay_ms: int = 0

    @property
    def token(self) -> str:
        """The same owner asking again for the same attempt is the same visitor."""
        return f"{self.epoch}"


@dataclass(frozen=True, slots=True)
class Checking:
    """What a Look is about: the claim whose self-check it serves. `key` is its gate key."""

    state_key: str
    key: str
    claimed_at: int


@dataclass(frozen=True, slots=True)
class Fence:
    """Raise the epoch of the scope and of `keys`. Answer: dict[str, GateEntry], NotReady or Unavailable."""

    scope: str
    epoch: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fill:
    """Rebuild the scope's gates from the log. Answer: bool (False: the generation changed), or Unavailable."""

    scope: str
    generation: str
    entries: tuple[GateEntry, ...]
    answers: tuple[tuple[str, str], ...] = ()  # (occurrence, sid that has its words)


@dataclass(frozen=True, slots=True)
class FillPart:
    """One part of a rebuild that is too much for one step: as Fill, without the mark. Answer: as Fill's.

    `cursor`: where the next part goes on (door.py). `written` of `of` gates stand with this part; while the answers are
    written, `written` is 0, and `of` what was counted so far.
    """

    scope: str
    generation: str
    cursor: tuple[str, str]
    entries: tuple[GateEntry, ...]
    answers: tuple[tuple[str, str], ...]
    written: int
    of: int


@dataclass(frozen=True, slots=True)
class Finish:
    """These attempts have ended. Answer: None, or Unavailable (then the bit is missing, and nothing is lost)."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """`sid` ended without having been told: free the words of the occurrence. Answer: None, or Unavailable."""

    state_key: str
    occurrence: str
    sid: str


@dataclass(frozen=True, slots=True)
class Place:
    """Send the request once, not after `not_after_ms` (epoch ms). Answer: a PlaceResult of the carrier, or Stale."""

    state_key: str
    key: str
    claimed_at: int
    not_after_ms: int
    request: CallRequest | MessageRequest
    due_ms: int | None = None  # when it was to go out, for the books

    @property
    def is_first_try(self) -> bool:
        return self.key.endswith("|1")


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the carrier's list what became of an attempt. Answer: a sequence of CarrierCall or CarrierMessage, or
    Unavailable."""

    state_key: str
    kind: str  # "call" or "message"
    to: str
    from_: str
    created_after_ms: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """Ask the carrier for one call whose callbacks stay away. Answer: CarrierCall, None, or Unavailable."""

    state_key: str
    sid: str


@dataclass(frozen=True, slots=True)
class FetchMessage:
    """Ask the carrier for one message whose callbacks stay away. Answer: CarrierMessage, None, or Unavailable."""

    state_key: str
    sid: str


@dataclass(frozen=True, slots=True)
class CancelCall:
    """Take back a call that is queued or ringing. Answer: CarrierCall, None, or Unavailable."""

    state_key: str
    sid: str
