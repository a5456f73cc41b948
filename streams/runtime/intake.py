"""Step 2 of the loop: every event of a turn takes its step. Answers first, then records, then timers.

Timers come last and are looked at again in the light of the records before them, so a cancel that was read in the
same turn is not followed by the call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import cast

from confluent_kafka import KafkaError, Message

from streams.runtime.batch import Work, bug_report, source_of
from streams.runtime.clients import Codec
from streams.runtime.clock import Clock
from streams.runtime.dead_letters import Source
from streams.runtime.effects import Arrived
from streams.runtime.errors import Fenced, Hold, LoopError, StoreFailed
from streams.runtime.partitions import Partitions
from streams.runtime.processor import Event, Opened, Poison, Record, Wake
from streams.runtime.rehearsal import MOST_ACTS, PUNCTUAL_MS
from streams.runtime.task import Task
from streams.runtime.view import StateView
from streams.topology import Stage

log = logging.getLogger("ringback.loop")

REHEARSED = 20  # timers at a time
PLAYED_FOR_ONE = 4  # so many rehearsed steps take as long as one that is not


class Intake:
    """Collects the work of one turn. `hold` is called for a partition whose next event must wait, `keep` with an
    answer that must wait with it."""

    def __init__(
        self,
        stage: Stage,
        partitions: Partitions,
        codec: Codec,
        clock: Clock,
        *,
        max_wakes: int,
        hold: Callable[[Task, str], None],
        keep: Callable[[Arrived], None],
    ) -> None:
        self._records = {topic.name: topic.record for topic in stage.reads}
        self._changelog = stage.changelog.name if stage.changelog else ""
        self._partitions = partitions
        self._codec = codec
        self._clock = clock
        self._max_wakes = max_wakes
        self._hold = hold
        self._keep = keep
        self._works: dict[int, Work] = {}

    def open(self, tasks: Iterable[Task]) -> list[Work]:
        """The first event of each partition: its state is complete. A held one is left out and asked again."""
        works = [self._new(task) for task in tasks]
        return [work for work in works if self._step(work, Opened(work.task.partition))]

    def collect(
        self, answers: Iterable[tuple[Task, Arrived]], messages: Iterable[Message], *, wakes: bool = True
    ) -> list[Work]:
        """Every event of this turn, stepped. Raises Fenced."""
        self._works = {}
        for task, arrived in answers:
            work = self._work(task)
            if self._step(work, arrived.result):
                work.answers.append(arrived)
            else:
                self._keep(arrived)
        for message in messages:
            self._take(message)
        if wakes:
            now_ms = self._clock.now_ms()
            due = [
                t
                for t in self._partitions
                if t.runs and t.next_wake_ms is not None and t.next_wake_ms <= now_ms
            ]
            for task in due:
                # One transaction for all: small enough that the first timers of a burst do not wait for its last.
                self._wake(self._work(task), now_ms, limit=-(-self._max_wakes // len(due)))
        return list(self._works.values())

    def _new(self, task: Task) -> Work:
        return Work(task, StateView(task.store, task.counters) if task.store else None, self._codec)

    def _work(self, task: Task) -> Work:
        work = self._works.get(task.partition)
        if work is None:
            work = self._works[task.partition] = self._new(task)
        return work

    def _step(self, work: Work, event: Event) -> bool:
        """An event with no polled record behind it. False: it must wait, and its partition is held."""
        try:
            work.step(event, partial(source_of, event, work.task, self._changelog), self._clock)
        except Hold as hold:
            self._hold(work.task, str(hold))
            return False
        return True

    def _wake(self, work: Work, now_ms: int, limit: int) -> None:
        assert work.view is not None
        assert work.task.store is not None
        view, store, rehearsal = work.view, work.task.store, work.task.rehearsal
        left = limit * PLAYED_FOR_ONE
        for timer in store.timers(now_ms):
            if left <= 0:
                return
            act = rehearsal.take(timer, now_ms, view) if rehearsal is not None else None
            if act is not None:
                left -= 1
                work.wakes += 1
                work.play(act)
                work.woken = timer
                continue
            left -= PLAYED_FOR_ONE
            if view.pending(timer.key) is None:
                wake = store.wake(timer)
            else:  # a record of this very turn has changed it
                value = view.get(timer.key)
                if value is None or value["wake_at"] is None or value["wake_at"] > now_ms:
                    work.woken = timer
                    continue
                wake = Wake(timer.key, value)
            work.wakes += 1
            if not self._step(work, wake):
                return
            work.woken = timer

    def rehearse(self) -> bool:
        """Work out what some of the coming timers will do; is there more to work out? Takes about a millisecond.

        Raises nothing: what is wrong with a store is told to whoever needs it.
        """
        now_ms = self._clock.now_ms()
        rehearsals = [(t.rehearsal, t.store) for t in self._partitions if t.runs and t.rehearsal is not None]
        lagging = [(each, store) for each, store in rehearsals if store is not None and each.lags(now_ms)]
        if not lagging:
            return False
        for each, _ in rehearsals:
            each.forget(now_ms - PUNCTUAL_MS)
        if sum(len(each.acts) for each, _ in rehearsals) >= MOST_ACTS:
            return False
        last, store = min(lagging, key=lambda pair: pair[0].reached.wake_at)
        try:
            return last.advance(store, self._codec, now_ms, REHEARSED) or len(lagging) > 1
        except StoreFailed:
            return False

    def _take(self, message: Message) -> None:
        topic, number, offset, error = message.topic(), message.partition(), message.offset(), message.error()
        at_end = error is not None and error.code() == KafkaError._PARTITION_EOF
        if error is not None and not at_end:
            if error.fatal() or error.code() == KafkaError._FATAL:
                raise Fenced(error.str())
            log.warning("consumer: %s", error.str())
            return
        assert topic is not None
        assert number is not None
        assert offset is not None
        task = self._partitions.tasks.get(number)
        # A record of a partition that was given up or held within this very poll belongs to nobody here.
        if task is None or not task.runs:
            return
        if offset < task.positions[topic] and not at_end:
            raise Fenced(f"{topic}/{number} gave offset {offset} after {task.positions[topic]}: was it cut?")
        work = self._work(task)
        if at_end:
            work.positions[topic] = max(offset, work.positions.get(topic, task.positions[topic]))
            return
        source = Source(
            topic, number, offset, message.timestamp()[1], _bytes(message.key()), _bytes(message.value())
        )
        if self._take_record(work, message, source):
            work.records += 1
            work.positions[topic] = offset + 1

    def _take_record(self, work: Work, message: Message, source: Source) -> bool:
        """False: the record stays where it is, and its partition is held."""
        try:
            try:
                name, value = self._codec.decode(
                    source.topic, source.value or b"", self._records[source.topic], source.timestamp_ms
                )
            except Poison as poison:
                work.bury(source, poison, None, self._clock.now_ms())
                return True
            except LoopError:
                raise
            except Exception as bug:
                work.bury(source, bug_report("decode_failed", bug), None, self._clock.now_ms())
                return True
            record = Record(
                source.topic,
                source.partition,
                source.offset,
                source.timestamp_ms,
                source.key,
                name,
                value,
                cast("list[tuple[str, bytes]]", message.headers() or []),
            )
            work.step(record, lambda: source, self._clock)
        except Hold as hold:
            self._hold(work.task, str(hold))
            return False
        return True


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
