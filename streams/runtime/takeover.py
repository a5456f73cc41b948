"""Taking a partition over, in the order that loses nothing and fires nothing twice.

    1  committed()           read committed: waits for the old owner's pending transactions   (membership.py)
    2  high watermark        of the changelog, sampled *uncommitted*
    3  replay                read committed, until that watermark is passed
    4  fire                  the task is ready, and the processor sees `Opened`

Replaying only to the last stable offset instead would miss a fire that is committed but whose marker is late,
and fire it again. Several partitions are restored at once and none waits for another.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.runtime.clients import Clients
from streams.runtime.clock import Clock
from streams.runtime.errors import Fenced, Hold, describe
from streams.runtime.freshness import Sample, sample
from streams.runtime.store import Change, Proof, Store
from streams.runtime.task import Task
from streams.topology import DAY_MS, Topic

log = logging.getLogger("ringback.takeover")

# Half of the changelog's delete.retention.ms: a compacted log shows deletes to a store that is younger than this.
STORE_MAX_AGE_MS = 7 * DAY_MS // 2
CALL_TIMEOUT_S = 5.0
# How long a replay waits that met a record of a schema we do not know, or a broker that does not answer.
AGAIN_S = 2.0
TELL_EVERY_S = 2.0
_BATCH = 5_000


@dataclass(slots=True)
class Restore:
    """One partition on its way. `end` is the high watermark that must be passed; it and `position` (the next
    changelog offset to replay) are None until the replay has begun."""

    task: Task
    store: Store
    sample: Sample
    not_before_s: float = 0.0
    position: int | None = None
    end: int | None = None
    # When the store was complete before this replay. Only a replay that ends makes it complete again.
    current_at: int = 0
    replayed: int = 0
    # For the estimate: where and when (monotonic) the replay began, and when something was last said of it.
    begun: int = 0
    begun_s: float = 0.0
    told_s: float = 0.0

    def progress(self, now_s: float) -> str:
        """How much is replayed, and how long the rest will take if it goes on like this."""
        done, left = (self.position or 0) - self.begun, (self.end or 0) - (self.position or 0)
        share = done / max(1, done + left)
        rest_s = (now_s - self.begun_s) / done * left if done else None
        return f"{share:.0%} of {done + left} records" + ("" if rest_s is None else f", {rest_s:.0f} s left")


class Takeovers:
    """Restores the stores of tasks from the changelog, a batch at a turn of the loop. Methods raise Fenced."""

    def __init__(self, clients: Clients, admin: AdminClient, changelog: Topic | None, clock: Clock) -> None:
        self._changelog = changelog.name if changelog else ""
        self._clock = clock
        self._admin = admin
        self._reader: Consumer | None = clients.log_reader() if changelog else None
        self._running: dict[int, Restore] = {}
        self._identified = False
        self._cluster_id = ""
        self._topic_id = ""

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
        restore = self._running.pop(partition, None)
        if restore:
            self._stop_reading(restore)

    def advance(self) -> None:
        """Do one turn of work; tasks whose end was passed become `restored`."""
        for restore in list(self._running.values()):
            waits = restore.not_before_s > self._clock.monotonic_s()
            if restore.end is None and restore.sample.done() and not waits:
                self._locate(restore)
        if any(restore.position is not None for restore in self._running.values()):
            self._replay()
        for restore in list(self._running.values()):
            if restore.end is not None and (restore.position or 0) >= restore.end:
                self.forget(restore.task.partition)
                self._finish(restore)

    def _again(self, restore: Restore, why: object) -> None:
        """Begin this takeover again, later."""
        log.error("%s/%d cannot be replayed now: %s", self._changelog, restore.task.partition, why)
        self._stop_reading(restore)
        again = Restore(restore.task, restore.store, self._sample(restore.task.partition))
        again.not_before_s = self._clock.monotonic_s() + AGAIN_S
        self._running[restore.task.partition] = again

    def _locate(self, restore: Restore) -> None:
        """The end is known: find out where to replay from, and start reading there."""
        assert self._reader is not None
        task, store = restore.task, restore.store
        restore.sample.settle()
        end = restore.sample.ends.get((self._changelog, task.partition))
        try:
            if end is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "its end is not to be had"))
            self._identify()
            partition = TopicPartition(self._changelog, task.partition)
            low, _ = self._reader.get_watermark_offsets(partition, timeout=CALL_TIMEOUT_S)
        except KafkaException as exception:
            self._again(restore, describe(exception))
            return
        proof = store.proof()
        why_not = self._distrust(proof, low, end)
        if why_not and proof:
            log.warning("%s/%d: local store wiped: %s", self._changelog, task.partition, why_not)
        if proof is None or why_not:
            store.wipe()
            start = low
        else:
            start, restore.current_at = proof.changelog_offset, proof.current_at
        restore.end, restore.position, restore.begun = end, start, start
        restore.begun_s = restore.told_s = self._clock.monotonic_s()
        if start < end:
            self._reader.incremental_assign([TopicPartition(self._changelog, task.partition, start)])

    def _distrust(self, proof: Proof | None, low: int, end: int) -> str:
        """Why the local store cannot be carried on; empty when it can."""
        if proof is None:
            return "it is new"
        if (proof.cluster_id, proof.topic_id) != (self._cluster_id, self._topic_id):
            return "it belongs to another topic"
        if not low <= proof.changelog_offset <= end:
            return f"its offset {proof.changelog_offset} lies outside the log ({low}..{end})"
        if not proof.current_at:
            return "its restoring was broken off"
        if self._clock.now_ms() - proof.current_at > STORE_MAX_AGE_MS:
            return "it is older than the changelog remembers deletes"
        return ""

    def _identify(self) -> None:
        if self._identified:
            return
        names = TopicCollection([self._changelog])
        described = self._admin.describe_topics(names, request_timeout=CALL_TIMEOUT_S)
        self._topic_id = str(described[self._changelog].result().topic_id)
        self._cluster_id = str(self._admin.list_topics(self._changelog, timeout=CALL_TIMEOUT_S).cluster_id)
        self._identified = True

    def _replay(self) -> None:
        assert self._reader is not None
        changes: dict[int, list[Change]] = {}
        first = self._reader.poll(0.01)
        # Not `if first`: a message is as long as its value, so a tombstone would count as none.
        for message in [*([first] if first is not None else []), *self._reader.consume(_BATCH, 0)]:
            error, offset, number = message.error(), message.offset(), message.partition()
            if error is not None and error.fatal():
                raise Fenced(f"changelog reader: {error.str()}")
            restore = self._running.get(number) if number is not None else None
            if restore is None or restore.position is None or offset is None:
                continue
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    restore.position = max(restore.position, offset)
                continue
            try:
                change = restore.store.replayed((message.key() or b"").decode(), message.value())
            except Hold as hold:
                self._again(restore, hold)
                changes.pop(restore.task.partition, None)
                continue
            changes.setdefault(restore.task.partition, []).append(change)
            restore.position = offset + 1
        for partition, replayed in changes.items():
            restore = self._running[partition]
            restore.replayed += len(replayed)
            restore.store.write(replayed, self._proof(restore.position or 0, restore.current_at))
            now_s = self._clock.monotonic_s()
            if now_s - restore.told_s >= TELL_EVERY_S:
                restore.told_s = now_s
                log.info("restoring %s/%d: %s", self._changelog, partition, restore.progress(now_s))

    def _finish(self, restore: Restore) -> None:
        task = restore.task
        task.changelog_offset = restore.position or 0
        restore.store.write([], self.proof(task.changelog_offset))
        task.next_wake_ms = restore.store.next_wake_ms()
        task.restored = True
        log.info("partition %d is ready: %d changelog records replayed", task.partition, restore.replayed)

    def proof(self, changelog_offset: int) -> Proof:
        """What a store that holds everything before `changelog_offset` may claim now."""
        return self._proof(changelog_offset, self._clock.now_ms())

    def _proof(self, changelog_offset: int, current_at: int) -> Proof:
        return Proof(self._cluster_id, self._topic_id, changelog_offset, current_at)

    def _stop_reading(self, restore: Restore) -> None:
        assert self._reader is not None
        partition = TopicPartition(self._changelog, restore.task.partition)
        if partition in self._reader.assignment():
            self._reader.incremental_unassign([partition])

    def close(self) -> None:
        """Safe to call again."""
        for partition in list(self._running):
            self.forget(partition)
        if self._reader:
            self._reader.close()
            self._reader = None
