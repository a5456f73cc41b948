"""Taking a partition over, in the order that loses nothing and fires nothing twice.

    1  committed()           read committed: waits for the old owner's pending transactions   (membership.py)
    2  high watermark        of the changelog, sampled *uncommitted*
    3  replay                read committed, until that watermark is passed
    4  fire                  the task is ready, and the processor sees `Opened`

Replaying only to the last stable offset instead would miss a fire that is committed but whose marker is late,
and fire it again. Several partitions are restored at once and none waits for another.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.runtime.clients import Clients
from streams.runtime.clock import Clock
from streams.runtime.errors import StoreFailed, describe
from streams.runtime.freshness import REFRESH_TIMEOUT_S, Sample, sample
from streams.runtime.replay import Identity, Replay, Span, Tail, resume
from streams.runtime.store import Proof, Store
from streams.runtime.task import Task
from streams.topology import Topic

log = logging.getLogger("ringback.takeover")

CALL_TIMEOUT_S = 5.0
# How long a replay waits that met a record of a schema we do not know, or a broker that does not answer.
AGAIN_S = 2.0
_BATCH = 5_000
_WAIT_S = 0.01


@dataclass(slots=True)
class Restore:
    """One partition on its way. `tail.span.end` is the high watermark that must be passed; no tail: not yet known."""

    task: Task
    store: Store
    sample: Sample
    not_before_s: float = 0.0
    tail: Tail | None = None


class Takeovers:
    """Restores the stores of tasks from the changelog, a batch at a turn of the loop. Methods raise Fenced."""

    def __init__(self, clients: Clients, admin: AdminClient, changelog: Topic | None, clock: Clock) -> None:
        self._changelog = changelog.name if changelog else ""
        self._clock = clock
        self._admin = admin
        self._reader = clients.log_reader() if changelog else None
        self._replay = (
            Replay(self._reader, self._changelog, clock, "restoring") if self._reader is not None else None
        )
        self._running: dict[int, Restore] = {}
        self._identified = False
        self._identity = Identity("", "")

    @property
    def running(self) -> bool:
        return bool(self._running)

    def begin(self, task: Task) -> None:
        """Start restoring `task`; one without state is ready at once."""
        if task.store is None:
            task.restored = True
            return
        if not self._running:
            self._identified = False  # the topic may have been made anew since the last takeover
        self._running[task.partition] = Restore(task, task.store, self._sample(task.partition))

    def _sample(self, partition: int) -> Sample:
        return sample(self._admin, [(self._changelog, partition)], self._clock.now_ms())

    def forget(self, partition: int) -> None:
        """The partition was given up before it was restored."""
        if self._running.pop(partition, None) and self._replay:
            self._replay.remove(partition)

    def advance(self) -> None:
        """Do one turn of work; tasks whose end was passed become `restored`."""
        for restore in list(self._running.values()):
            waits = restore.not_before_s > self._clock.monotonic_s()
            if restore.tail is None and restore.sample.done() and not waits:
                self._locate(restore)
        if self._replay:
            for partition, failure in self._replay.read(_WAIT_S, _BATCH)[1].items():
                if isinstance(failure, StoreFailed):
                    raise failure
                self._again(self._running[partition], failure)
        for restore in list(self._running.values()):
            if restore.tail and restore.tail.position >= restore.tail.span.end:
                self.forget(restore.task.partition)
                self._finish(restore, restore.tail)

    def _again(self, restore: Restore, why: object) -> None:
        """Begin this takeover again, later."""
        partition = restore.task.partition
        log.error("%s/%d cannot be replayed now: %s", self._changelog, partition, why)
        self.forget(partition)
        again = Restore(restore.task, restore.store, self._sample(partition))
        again.not_before_s = self._clock.monotonic_s() + AGAIN_S
        self._running[partition] = again

    def _locate(self, restore: Restore) -> None:
        """The end is known: find out where to replay from, and start reading there."""
        assert self._reader is not None
        assert self._replay is not None
        partition = restore.task.partition
        restore.sample.settle()
        end = restore.sample.ends.get((self._changelog, partition))
        try:
            if end is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "its end is not to be had"))
            self._identify()
            low, _ = self._reader.get_watermark_offsets(
                TopicPartition(self._changelog, partition), timeout=CALL_TIMEOUT_S
            )
        except KafkaException as exception:
            # What the reader believes of the topic may be from an outage (fewer partitions than there are), and it does
            # not ask again by itself for a topic that it does not read: the next question would be answered alike.
            with contextlib.suppress(KafkaException):
                self._reader.list_topics(self._changelog, timeout=REFRESH_TIMEOUT_S)
            self._again(restore, describe(exception))
            return
        span = Span(low, end, restore.sample.asked_ms)
        restore.tail = resume(restore.store, partition, self._changelog, self._identity, span, self._clock)
        if restore.tail.position < end:
            self._replay.add(restore.tail)

    def _identify(self) -> None:
        if self._identified:
            return
        names = TopicCollection([self._changelog])
        described = self._admin.describe_topics(names, request_timeout=CALL_TIMEOUT_S)
        topic_id = str(described[self._changelog].result().topic_id)
        cluster_id = str(self._admin.list_topics(self._changelog, timeout=CALL_TIMEOUT_S).cluster_id)
        self._identity = Identity(cluster_id, topic_id)
        self._identified = True

    def _finish(self, restore: Restore, tail: Tail) -> None:
        task = restore.task
        task.changelog_offset = tail.position
        restore.store.write([], self.proof(task.changelog_offset))
        task.next_wake_ms = restore.store.next_wake_ms()
        task.restored = True
        log.info("partition %d is ready: %d changelog records replayed", task.partition, tail.replayed)

    def proof(self, changelog_offset: int) -> Proof:
        """What a store that holds everything before `changelog_offset` may claim now."""
        return Proof(*self._identity, changelog_offset, self._clock.now_ms())

    def close(self) -> None:
        """Safe to call again."""
        for partition in list(self._running):
            self.forget(partition)
        if self._replay:
            self._replay.close()
