"""What a timer must do to be measured. One file per peer implements it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from infra.bench.timers.cost import Cost
from infra.bench.timers.load import Load


class Unavailable(Exception):
    """This peer cannot run here: what is missing."""


@dataclass(frozen=True, slots=True)
class Fired:
    """One record as the consumer got it: when (epoch ms, with fraction), when it was written, and what it says."""

    received_ms: float
    written_ms: int
    load: str
    timer: int
    due_at: int


class Watch(Protocol):
    """Reads what fires, from its start on, in a thread of its own."""

    @property
    def count(self) -> int:
        """Records received so far, copies too."""

    def fired(self) -> list[Fired]:
        """Everything received so far, in that order."""

    def close(self) -> None: ...


class Subject(Protocol):
    """A durable timer in a process of its own. `start` after `clean`; kill, wipe and start again at will."""

    name: str
    keeps_backlog: bool
    """Can it be asked for timers while it does not run? (Its input is a log of its own.)"""

    def clean(self) -> None:
        """Forget everything: nothing runs and nothing is pending afterwards."""

    def start(self) -> None:
        """Start the process; it may still be restoring when this returns. Raises Unavailable."""

    def stop(self) -> None:
        """End it cleanly."""

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""

    def wipe(self) -> None:
        """Lose the local state, where it is not the truth. Nothing runs meanwhile."""

    def enqueue(self, load: Load, timers: Iterable[int]) -> None:
        """Returns when every timer is acknowledged, which need not mean accepted."""

    def accepted(self) -> int:
        """How many commands (timers, cancels, moves) are in durable state since `clean`."""

    def watch(self) -> Watch: ...

    def cost(self) -> Cost:
        """Of the running process or processes; `cpu_s` also of those that ended since `clean`."""

    def cpu_s(self) -> float:
        """As in `cost`, cheaply."""

    def close(self) -> None:
        """`clean`, and let go of connections."""


@runtime_checkable
class Cancelling(Protocol):
    """What W4 needs beside Subject. The load must be the first one of its users."""

    def cancel(self, load: Load, timers: Iterable[int]) -> None: ...

    def move(self, load: Load, timers: Iterable[int], by_ms: int) -> None:
        """To `by_ms` after the instant that the load names."""

    def cancelled(self, load: Load) -> set[int]:
        """Timers whose cancel was acknowledged as in time: those must not fire any more."""


@runtime_checkable
class Scaling(Subject, Protocol):
    """What W7 needs beside Subject."""

    def join(self, member: int) -> None:
        """Start a further member, numbered from 1."""

    def ready(self, member: int) -> bool:
        """Has it joined, and are its partitions restored?"""

    def leave(self, member: int, *, kill: bool) -> None: ...
