"""Audits: what a stage keeps of its state in counters is held against the state itself, after each takeover.

A slice at a turn of the loop, over a snapshot of the store, so that a million records delay nobody. An audit that is
under way when its partition is given up is dropped: the next owner begins its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from streams.runtime.errors import Outgrown
from streams.runtime.task import Task
from streams.runtime.telemetry import Telemetry

# Takes the values of a store with their keys; yields None after each slice and, last, what does not agree.
Audit = Callable[[Iterable[tuple[str, dict[str, Any]]]], Iterator[list[str] | None]]


class Audits:
    """Those of one member. `advance` raises StoreFailed."""

    def __init__(self, stage: str, audit: Audit | None, telemetry: Telemetry) -> None:
        self._stage = stage
        self._audit = audit
        self._telemetry = telemetry

    def begin(self, task: Task) -> None:
        """The partition was opened."""
        if self._audit and task.store:
            task.audit = self._audit(task.store.items())

    def advance(self, tasks: Iterable[Task]) -> None:
        """One slice, of the first audit that is under way."""
        for task in tasks:
            if task.audit is None:
                continue
            try:
                differences = next(task.audit)
            except Outgrown:
                self.begin(task)
                return
            if differences is not None:
                task.audit = None
                self._telemetry.audited(self._stage, task.partition, differences)
            return
