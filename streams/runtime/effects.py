"""Effects: what a step wants done outside Kafka, and how the answer comes back.

An effect is released when the transaction of the step that asked for it has committed, never before. Its answer
enters the loop through the `Inbox` and is an event (`Result`) of a later transaction. Answers for a partition
that was given up meanwhile enter no transaction: the processor's `late` says what evidence to write plainly.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from streams.runtime.processor import Result

Done = Callable[[Any], None]


class Hands(Protocol):
    """Runs effects, many at a time. Who bounds them: the processor, by what it asks for."""

    def submit(self, effect: Any, done: Done) -> None:
        """Start `effect` and return at once; `done(answer)` is called exactly once, from any thread."""

    def close(self, deadline_s: float) -> None:
        """Wait for what is running, at most `deadline_s`."""


class NoHands:
    """For stages that touch nothing but Kafka."""

    def submit(self, effect: Any, done: Done) -> None:
        raise TypeError(f"this stage has no hands for {effect!r}, so nobody answers {done!r}")

    def close(self, deadline_s: float) -> None:
        """Nothing is ever running."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """An answer, with the tenure (one stay of a partition at this member) that asked for it."""

    tenure: int
    result: Result


class Inbox:
    """Answers on their way from the hands' threads to the loop's. Bounded by the effects that were released."""

    def __init__(self) -> None:
        self._arrived: deque[Arrived] = deque()
        self._lock = threading.Lock()
        self._outstanding = 0

    def release(self, hands: Hands, effect: Any, tenure: int) -> None:
        """Hand `effect` over, and expect its answer."""
        with self._lock:
            self._outstanding += 1

        def done(answer: Any) -> None:
            with self._lock:
                self._outstanding -= 1
                self._arrived.append(Arrived(tenure, Result(effect, answer)))

        hands.submit(effect, done)

    def take(self) -> list[Arrived]:
        """All answers that are there."""
        with self._lock:
            arrived, self._arrived = list(self._arrived), deque()
        return arrived

    def put_back(self, arrived: list[Arrived]) -> None:
        """Their transaction was aborted, or must wait: they come first in the next."""
        with self._lock:
            self._arrived.extendleft(reversed(arrived))

    @property
    def expecting(self) -> bool:
        """Is an answer on its way or here?"""
        return self._outstanding > 0 or bool(self._arrived)
