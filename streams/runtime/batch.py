"""One turn's work: the events that enter one transaction, grouped by task, and what their steps put out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from confluent_kafka import TopicPartition

from streams.runtime.clients import Codec
from streams.runtime.clock import Clock
from streams.runtime.dead_letters import Source, dead_letter
from streams.runtime.effects import Arrived
from streams.runtime.errors import Hold
from streams.runtime.processor import DictState, Do, Event, Output, Poison, Result, Wake
from streams.runtime.store import StateView
from streams.runtime.task import Task
from streams.topology import DEAD_LETTERS

log = logging.getLogger("ringback.loop")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A record as it goes to the broker. Encoding belongs to the step: what does not encode is a failed step."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]]


@dataclass(slots=True)
class Work:
    """One task's part of a transaction."""

    task: Task
    view: StateView | None
    codec: Codec
    sends: list[Encoded] = field(default_factory=list)
    effects: list[object] = field(default_factory=list)
    answers: list[Arrived] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    # Ends of partitions that were reached, markers included; not worth a transaction of their own.
    ends: dict[str, int] = field(default_factory=dict)
    records: int = 0
    dead: int = 0
    changelog_offset: int | None = None
    changes: list[tuple[str, bytes | None]] = field(default_factory=list)

    @property
    def touches_kafka(self) -> bool:
        """Is there anything to commit? (Answers may change nothing but the processor's next effect.)"""
        return bool(self.sends or self.changes or self.positions)

    def seal(self) -> None:
        """All steps are taken: encode what the changelog must carry."""
        if self.view:
            self.changes = self.view.changes()

    def offsets(self) -> list[TopicPartition]:
        """The next offset of every topic of this partition number, read from in this turn or not."""
        return [
            TopicPartition(topic, self.task.partition, offset)
            for topic, offset in {**self.task.positions, **self.positions, **self.ends}.items()
        ]

    def step(self, event: Event, source: Source, clock: Clock) -> None:
        """Let the processor react to one event; what it cannot process becomes a dead letter.

        A step that raises leaves no trace: its writes are undone and its outputs dropped. Raises Hold.
        """
        mark = self.view.mark() if self.view else 0
        now_ms = clock.now_ms()
        try:
            state = self.view if self.view is not None else _STATELESS
            kept = [self._encoded(output) for output in self.task.processor.step(state, event, now_ms)]
        except Hold:
            self._undo(mark)
            raise
        except Poison as poison:
            self._undo(mark)
            self.bury(source, poison, event, now_ms)
            return
        except Exception as bug:
            # Our own mistake, and the partition goes on all the same; the limit on dead letters stops a bad deploy.
            log.exception("step failed on %s/%d@%d", source.topic, source.partition, source.offset)
            self._undo(mark)
            self.bury(source, Poison("step_failed", f"{type(bug).__name__}: {bug}"), event, now_ms)
            return
        self._keep(kept)

    def _keep(self, outputs: Sequence[Encoded | Do]) -> None:
        for output in outputs:
            if isinstance(output, Encoded):
                self.sends.append(output)
            else:
                self.effects.append(output.effect)

    def _encoded(self, output: Output) -> Encoded | Do:
        if isinstance(output, Do):
            return output
        key = output.key.encode() if output.key is not None else None
        return Encoded(
            output.topic, key, self.codec.encode(output.topic, output.name, output.value), output.headers
        )

    def bury(self, source: Source, poison: Poison, event: Event | None, now_ms: int) -> None:
        """Set the event aside; a timer also loses its wake time, so that it does not come back for ever."""
        self.dead += 1
        value = self.codec.encode(DEAD_LETTERS.name, "DeadLetter", dead_letter(source, poison, now_ms))
        self.sends.append(Encoded(DEAD_LETTERS.name, source.key, value, ()))
        if isinstance(event, Wake) and self.view and self.task.store:
            raw, state = self.task.store.raw(event.key), self.view.get(event.key)
            if raw and state is not None:
                self.view.put(event.key, raw[0], {**state, "wake_at": None})

    def _undo(self, mark: int) -> None:
        if self.view:
            self.view.undo_to(mark)


_STATELESS = DictState()  # what a stateless stage gets; nothing carries what is written there


def source_of(event: Event, task: Task, changelog: str) -> Source:
    """Where a dead letter for `event` came from, when no polled record stands behind it."""
    if isinstance(event, Wake):
        raw = task.store.raw(event.key) if task.store else None
        return Source(changelog, task.partition, -1, 0, event.key.encode(), raw[1] if raw else None)
    detail = repr(event.effect).encode() if isinstance(event, Result) else None
    return Source(changelog, task.partition, -1, 0, None, detail)
