"""The gate: the one place where two owners of the same attempt meet. A cache of Kafka, never the truth.

A *scope* is the owner's input partition, `"calls:3"`; a *key* is the attempt, `str(CallKey)` or
`"{reply_id}|{try}"`. Every script runs on the server and only raises: greatest epoch, gated OR, finished OR.

A *generation* names one life of the Redis server: `run_id` and `master_replid`. A gate written in another
generation may be lost, so a scope is *ready* only in the generation in which its owner has filled it from the
log; every script checks that on the server, in the same step as the gate itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

REASONS = ("away", "slow", "loading", "read_only", "replicas", "memory", "refused", "replaced", "cluster")


class GateUnavailable(Exception):
    """Redis did not answer, or not in time. Whether the script ran is unknown; asking again is safe.

    `reason`: one of REASONS, for the books.
    """

    def __init__(self, text: str, reason: str = "away") -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Say:
    """What the call says; the gateway reads it when the user picks up."""

    user: str
    subject: str
    language: str
    tenant: str


@dataclass(frozen=True, slots=True)
class GateEntry:
    """One attempt's gate. `say` is None for an SMS."""

    key: str
    epoch: int
    gated: bool
    finished: bool
    say: Say | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """Gated by this token: go on."""


@dataclass(frozen=True, slots=True)
class Wait:
    """No free slot under the carrier's cap for `wait_ms`; nothing was written."""

    wait_ms: int


@dataclass(frozen=True, slots=True)
class Fenced:
    """A newer owner (`epoch`) holds the scope or the key: stop, write nothing."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Taken:
    """Gated by another token, or finished."""


@dataclass(frozen=True, slots=True)
class NotReady:
    """This life of the server was not filled for the scope: fill it from the log, then ask again."""

    generation: str


Verdict = Passed | Wait | Fenced | Taken | NotReady


@dataclass(frozen=True, slots=True)
class Cap:
    """The carrier's cap: `per_second` starts for one account, and `number_per_second` for each number that it calls
    from, where the carrier has such a cap. An attempt needs a slot of both, and takes both or none."""

    account: str
    per_second: float
    number: str = ""
    number_per_second: float | None = None

    @property
    def rates(self) -> tuple[tuple[str, float], ...]:
        """What is counted apart: a name for it, and how many may start in a second."""
        account = (self.account, self.per_second)
        if self.number_per_second is None:
            return (account,)
        return (account, (f"{self.account}:{self.number}", self.number_per_second))


class Gate(Protocol):
    """All methods raise GateUnavailable, and nothing else, when the server is away."""

    async def generation(self) -> str:
        """The present life of the server."""

    async def enter(
        self, scope: str, key: str, epoch: int, token: str, say: Say | None, cap: Cap | None
    ) -> Verdict:
        """Ask to place the attempt `key`. The same token asking again (a lost reply) is answered the same."""

    async def fence(self, scope: str, epoch: int, keys: Sequence[str]) -> dict[str, GateEntry]:
        """Raise the epoch of the scope and of each key; the gated bit stays. Returns what stood there."""

    async def fill(
        self,
        scope: str,
        generation: str,
        entries: Iterable[GateEntry],
        answers: Iterable[tuple[str, str]] = (),
        *,
        last: bool = True,
    ) -> bool:
        """Raise the gates to `entries`, give the words of each occurrence to the sid that has them in the log
        (`answers`), mark the scope ready; False when the generation has changed meanwhile.

        Without `last` it is one part of a fill: the mark is left to the part that comes last. The answers belong in
        the parts before those with gates: a gate that stands proves that all answers do."""

    async def ready(self, scope: str) -> bool:
        """Is the scope filled in the present generation?"""

    async def finish(self, keys: Sequence[str]) -> None:
        """These attempts have ended: the gate stays shut for ever."""

    async def read(self, key: str) -> GateEntry | None:
        """The entry of one attempt (the gateway reads what to say)."""

    async def answer(self, occurrence: str, sid: str, generation: str | None = None) -> str:
        """Give the words of `occurrence` to the first sid that asks; returns the sid that has them.

        With `generation`, only in that life of the server, else GateUnavailable."""

    async def release(self, occurrence: str, sid: str) -> None:
        """`sid` ended without having been told: the next attempt may have the words."""
