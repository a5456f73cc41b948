"""What a state of the search is made of. All of it is values; what is not here is the same in every state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streams.ids import CallKey
from tests.search.production import Talk

FIRST = CallKey("r1", 1_000, 1, 1)

# What may go wrong. Each kind has a bound of its own, and all of them together have one.
FAULTS = (
    "takeover",  # the owner crashes, is told that the partition went, or is paused for good (a zombie)
    "abort",  # a transaction is aborted: the event comes again, what the step left in memory stays
    "unknown commit",  # it was committed, and the owner does not hear of it
    "redis loss",  # a new life of the server, empty or with its data
    "redis reply",  # a script ran and the reply is lost, or it did not run
    "request",  # reply lost, request late, request lost, refused, known not to have been sent
    "question",  # the carrier cannot be asked
    "callback",  # lost, or made twice
    "gateway",  # crashes between two steps, ANSWERED is not confirmed, TOLD is lost
    "pause",  # the owner stands still for longer than a claim may be old, or than T_resolve
    "cancel",  # the user does not want the call any more
    "doubled",  # the carrier makes two calls of one request
)
FAULT = {name: number for number, name in enumerate(FAULTS)}


@dataclass(frozen=True)
class Bounds:
    """`faults` in all, at most `each` of a kind (0 where it is not named). `redial`: NOT_PLACED is followed by a new
    attempt (a policy); `picks_up`: does anybody pick up the phone; `two_calls`:
    the search begins with two calls of the try that were both picked up; `at_once`: nobody hangs
    up before the words, and no timer comes; `watch`: the invariants that count."""

    name: str
    faults: int
    each: dict[str, int]
    tries: int = 1
    attempts: int = 1
    redial: bool = False
    picks_up: bool = True
    two_calls: bool = False
    at_once: bool = False
    watch: frozenset[str] = frozenset(
        {"I1", "I2", "I3", "I4", "I6", "I8", "I9", "I10", "NOT_SENT", "ONE_CALL"}
    )
    max_states: int = 5_000_000
    # Wrong worlds, for planted bugs.
    effects_before_commit: bool = False
    gates_expire: bool = False

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {most}" for kind, most in self.each.items() if most)
        phone = "" if self.picks_up else ", nobody picks up"
        phone = ", two calls picked up" + ", all within a moment" * self.at_once if self.two_calls else phone
        return f"{self.tries} tries, {self.attempts} attempts{phone}, {self.faults} faults in all ({kinds})"


class Pending(NamedTuple):
    """An effect that is out. For a Look: the records that must be read before its answer (-1: never will be), and
    the age of its sample."""

    effect: int
    calls: int = 0
    facts: int = 0
    age_ms: int = 0


class Owner(NamedTuple):
    """One tenure of the partition.

    kind: owner, zombie (does not know that it is none), lost (knows; its answers become plain evidence), dead (what
    it sent may still arrive).
    """

    kind: str
    memory: int
    values: int = 0  # of a zombie: the state as it was when the partition went
    opened: bool = False
    clean: bool = True  # of a zombie: nothing was written since that it has not read
    pending: tuple[Pending, ...] = ()
    inbox: tuple[int, ...] = ()  # answers that were not yet processed


class Line(NamedTuple):
    """A call at the carrier. status: queued, in-progress, completed, no-answer, canceled."""

    sid: str
    key: CallKey
    status: str
    mail: tuple[str, ...]  # callbacks to come
    created_at: int
    talk: Talk | None = None
    heard: bool = False


class Written(NamedTuple):
    """What stands in the topics, and what a reader of them (the timer stream) has made of it."""

    said: frozenset[tuple[CallKey, str, str | None]] = frozenset()
    claimed: frozenset[tuple[CallKey, int]] = frozenset()
    passed: frozenset[tuple[CallKey, int]] = frozenset()
    fenced: int = 0
    present: CallKey = FIRST
    end: str = ""
    called_off: bool = False


class World(NamedTuple):
    """Numbers of things, see model.py; queues are what was written and not yet read by the owner."""

    values: int
    due: tuple[int, ...]
    calls: tuple[int, ...]
    facts: tuple[int, ...]
    owner: int
    former: tuple[int, ...]
    server: int
    lines: tuple[int, ...]
    late: tuple[tuple[CallKey, int], ...]  # requests on their way for which nobody waits
    landing: tuple[tuple[CallKey, str], ...]  # ANSWERED that were not confirmed and may still be written
    written: int
    used: tuple[int, ...]  # faults, by kind


class Broken(NamedTuple):
    """An invariant that does not hold; a move may end in it."""

    invariant: str
    why: str


class Move(NamedTuple):
    """`what`: words, with the numbers of things to be described; `fault`: it would not happen in a kind world."""

    what: tuple[Any, ...]
    fault: bool
    to: World | Broken


@dataclass
class Found:
    """The first violation of an invariant: the numbers of the states on the shortest way there, and the moves between
    them in words, the last of which is the violation."""

    invariant: str
    why: str
    states: list[int]
    words: list[str] = field(default_factory=list)
