"""One turn's work: the events that enter one transaction, grouped by task, and what their steps put out."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import TopicPartition

from streams.runtime.clients import Codec
from streams.runtime.clock import Clock
from streams.runtime.dead_letters import Source, dead_letter
from streams.runtime.effects import Arrived
from streams.runtime.encoded import Encoded, encoded
from streams.runtime.errors import LoopError
from streams.runtime.note import FOREVER_MS, Note
from streams.runtime.processor import DictState, Do, Event, Poison, Result, SetAside, Wake
from streams.runtime.rehearsal import Act, instant
from streams.runtime.store import Change, Timer
from streams.runtime.task import Task
from streams.runtime.view import StateView
from streams.topology import DEAD_LETTERS

log = logging.getLogger("ringback.loop")


@dataclass(slots=True)
class Work:
    """One task's part of a transaction. `positions`: topic → next offset, of the topics that were read from."""

    task: Task
    view: StateView | None
    codec: Codec
    sends: list[Encoded] = field(default_factory=list)
    effects: list[object] = field(default_factory=list)
    answers: list[Arrived] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    records: int = 0
    wakes: int = 0
    dead: int = 0
    changelog_offset: int | None = None
    changes: list[Change] = field(default_factory=list)
    # The last timer that was dealt with; all before it were, too.
    woken: Timer | None = None

    @property
    def touches_kafka(self) -> bool:
        """Is there anything to commit? An answer may change nothing but the processor's next effect, and an end
        of a partition that was reached, markers included, is not worth a transaction of its own."""
        return bool(self.sends or self.changes or self.records)

    def seal(self) -> None:
        """All steps are taken: what the changelog must carry is known."""
        if self.view:
            self.changes = self.view.changes()

    def offsets(self) -> list[TopicPartition]:
        """The next offset of every topic of this partition number, read from in this turn or not."""
        # No metadata is the empty text: the client takes no None.
        note = Note(self._next_wake_ms(), self.pending).text() if self.task.store else ""
        return [
            TopicPartition(topic, self.task.partition, offset, note)
            for topic, offset in {**self.task.positions, **self.positions}.items()
        ]

    @property
    def pending(self) -> int:
        """`Task.pending` as this transaction leaves it."""
        if self.view is None:
            return 0
        pending = self.task.pending if self.task.opened else 0  # taking over tells every counter
        for key, total in self.view.totals.items():
            before = self.view.found[key] if self.task.opened else {}
            pending += total.get("pending", 0) - before.get("pending", 0)
        return pending

    def _next_wake_ms(self) -> int | None:
        """The earliest timer as this transaction leaves the store, which does not hold it yet."""
        assert self.task.store is not None
        changed = {change.key for change in self.changes}
        earliest = min((c.wake_at for c in self.changes if c.wake_at is not None), default=None)
        for timer in self.task.store.timers(FOREVER_MS, self.woken):
            if earliest is not None and earliest <= timer.wake_at:
                break
            if timer.key not in changed:
                return timer.wake_at
        return earliest

    def step(self, event: Event, source: Callable[[], Source], clock: Clock) -> None:
        """Let the processor react to one event; what it cannot process becomes a dead letter.

        A step that raises leaves no trace: its writes are undone and its outputs dropped. Raises Hold, StoreFailed.
        """
        mark = self.view.mark() if self.view else 0
        now_ms = clock.now_ms()
        woken_at = None
        if isinstance(event, Wake):
            woken_at = event.value["wake_at"]
            if self.task.rehearsal is not None:
                now_ms = instant(woken_at, now_ms)
        try:
            state = self.view if self.view is not None else _STATELESS
            codec = self.codec
            kept = [
                output if isinstance(output, Do) else encoded(codec, output)
                for output in self.task.processor.step(state, event, now_ms)
            ]
            if isinstance(event, Wake):
                self._check_moved(event.key, woken_at)
        except LoopError:
            # Nothing is wrong with the event: what it needs is not there, or our store is broken.
            self._undo(mark)
            raise
        except Poison as poison:
            self._undo(mark)
            self.bury(source(), poison, event, now_ms)
        except Exception as bug:
            # Our own mistake, and the partition goes on all the same; the limit on dead letters stops a bad deploy.
            self._undo(mark)
            self.bury(source(), bug_report("step_failed", bug), event, now_ms)
        else:
            for output in kept:
                if isinstance(output, Encoded):
                    self.sends.append(output)
                else:
                    self.effects.append(output.effect)

    def play(self, act: Act) -> None:
        """Put out what a timer's step was rehearsed to put out: as `step`, for what cannot fail any more."""
        assert self.view is not None
        self.sends += map(Encoded._make, act.sends)
        self.view.take(map(Change._make, act.changes), act.additions)

    def _check_moved(self, key: str, woken_at: int | None) -> None:
        """A timer that its step left as it was would come back at once, for ever."""
        if self.view:
            change = self.view.pending(key)
            if change is None or change.wake_at == woken_at:
                raise Poison("timer_not_moved", "the step neither deleted the record nor moved its wake_at")

    def bury(self, source: Source, poison: Poison, event: Event | None, now_ms: int) -> None:
        """Set the event aside; a timer also loses its wake time, so that it does not come back. Raises Hold."""
        value = self.codec.encode(DEAD_LETTERS.name, "DeadLetter", dead_letter(source, poison, now_ms))
        if isinstance(event, Wake) and self.view and (raw := self.view.raw(event.key)) is not None:
            name, state = self.codec.decode(source.topic, raw, None, now_ms)
            self.view.put(event.key, name, {**state, "wake_at": None})
            self._tell_set_aside(SetAside(event.key, state), now_ms)
        self.dead += 1
        self.sends.append(Encoded(DEAD_LETTERS.name, source.short_key, value, ()))

    def _tell_set_aside(self, event: SetAside, now_ms: int) -> None:
        """A processor that keeps books may note it. Whatever it makes of it, the partition goes on."""
        assert self.view is not None
        mark = self.view.mark()
        try:
            if list(self.task.processor.step(self.view, event, now_ms)):
                log.error("what was put out for a timer that was set aside is dropped")
        except LoopError:
            raise
        except Exception as bug:
            self._undo(mark)
            bug_report("set_aside_failed", bug)

    def _undo(self, mark: int) -> None:
        if self.view:
            self.view.undo_to(mark)


_STATELESS = DictState()  # what a stateless stage gets; nothing carries what is written there


def bug_report(reason: str, bug: Exception) -> Poison:
    """Log where `bug` was raised, and make a dead letter's reason of it. Its text may hold a phone number, so it
    stands in the dead letter and not in the log."""
    where = "".join(traceback.format_tb(bug.__traceback__))
    log.error("%s: %s\n%s", reason, type(bug).__name__, where)
    return Poison(reason, f"{type(bug).__name__}: {bug}")


def source_of(event: Event, task: Task, changelog: str) -> Source:
    """Where a dead letter for `event` came from, when no polled record stands behind it."""
    if isinstance(event, Wake):
        raw = task.store.raw(event.key) if task.store else None
        return Source(changelog, task.partition, -1, 0, event.key.encode(), raw)
    detail = repr(event.effect).encode() if isinstance(event, Result) else None
    return Source(changelog, task.partition, -1, 0, None, detail)
