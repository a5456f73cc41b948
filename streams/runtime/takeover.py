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

from confluent_kafka import Consumer, KafkaError, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.runtime.clients import Clients
from streams.runtime.clock import Clock
from streams.runtime.errors import UnknownResult
from streams.runtime.freshness import Sample, sample
from streams.runtime.store import Proof, Store
from streams.runtime.task import Task
from streams.topology import DAY_MS, Topic

log = logging.getLogger("ringback.takeover")

# Half of the changelog's delete.retention.ms: a compacted log shows deletes to a store that is younger than this.
STORE_MAX_AGE_MS = 7 * DAY_MS // 2
_BATCH = 5_000


@dataclass(slots=True)
class Restore:
    """One partition on its way: `end` is the high watermark that must be passed, None until it is known."""

    task: Task
    store: Store
    sample: Sample
    position: int | None = None
    end: int | None = None
    replayed: int = 0


class Takeovers:
    """Restores the stores of tasks from the changelog, a batch at a turn of the loop."""

    def __init__(self, clients: Clients, admin: AdminClient, changelog: Topic | None, clock: Clock) -> None:
        self._changelog = changelog
        self._clock = clock
        self._admin = admin
        self._reader: Consumer | None = clients.log_reader() if changelog else None
        self._running: dict[int, Restore] = {}
        self._cluster_id = ""
        self._topic_id = ""

    @property
    def running(self) -> bool:
        return bool(self._running)

    def begin(self, task: Task) -> None:
        """Start restoring `task`; one without state is ready at once."""
        if self._changelog is None or task.store is None:
            task.restored = True
            return
        sampled = sample(self._admin, [(self._changelog.name, task.partition)], self._clock.now_ms())
        self._running[task.partition] = Restore(task, task.store, sampled)

    def forget(self, partition: int) -> None:
        """The partition was given up before it was restored."""
        restore = self._running.pop(partition, None)
        if restore and restore.position is not None:
            self._unassign(partition)

    def advance(self) -> None:
        """Do one turn of work; tasks whose end was passed become `restored`."""
        for restore in list(self._running.values()):
            if restore.end is None and restore.sample.done():
                self._locate(restore)
        if any(restore.position is not None for restore in self._running.values()):
            self._replay()
        ready = [r for r in self._running.values() if r.end is not None and (r.position or 0) >= r.end]
        for restore in ready:
            self.forget(restore.task.partition)
            self._finish(restore)

    def _locate(self, restore: Restore) -> None:
        """The end is known: find out where to replay from, and start reading there."""
        assert self._changelog is not None
        assert self._reader is not None
        task, store = restore.task, restore.store
        restore.sample.settle()
        end = restore.sample.ends.get((self._changelog.name, task.partition))
        if end is None:  # the broker did not say; ask again
            restore.sample = sample(
                self._admin, [(self._changelog.name, task.partition)], self._clock.now_ms()
            )
            return
        if not self._topic_id:
            self._identify()
        low, _ = self._reader.get_watermark_offsets(
            TopicPartition(self._changelog.name, task.partition), timeout=5.0
        )
        proof = store.proof()
        why_not = self._distrust(proof, low, end)
        if why_not and proof:
            log.warning("%s/%d: local store wiped: %s", self._changelog.name, task.partition, why_not)
        if why_not:
            store.wipe()
        start = low if why_not or proof is None else max(proof.changelog_offset, low)
        restore.end, restore.position = end, start
        self._reader.incremental_assign([TopicPartition(self._changelog.name, task.partition, start)])

    def _distrust(self, proof: Proof | None, low: int, end: int) -> str:
        """Why the local store cannot be carried on; empty when it can."""
        if proof is None:
            return "it is new"
        if (proof.cluster_id, proof.topic_id) != (self._cluster_id, self._topic_id):
            return "it belongs to another topic"
        if not low <= proof.changelog_offset <= end:
            return f"its offset {proof.changelog_offset} lies outside the log ({low}..{end})"
        if self._clock.now_ms() - proof.current_at > STORE_MAX_AGE_MS:
            return "it is older than the changelog remembers deletes"
        return ""

    def _identify(self) -> None:
        assert self._changelog is not None
        described = self._admin.describe_topics(TopicCollection([self._changelog.name]), request_timeout=5.0)
        self._topic_id = str(described[self._changelog.name].result().topic_id)
        self._cluster_id = str(self._admin.list_topics(self._changelog.name, timeout=5.0).cluster_id)

    def _replay(self) -> None:
        assert self._reader is not None
        rows: dict[int, list[tuple[str, bytes | None]]] = {}
        first = self._reader.poll(0.01)
        for message in [*([first] if first else []), *self._reader.consume(_BATCH, 0)]:
            restore = self._running.get(message.partition() or 0)
            if restore is None:
                continue
            error, offset = message.error(), message.offset()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF and offset is not None:
                    restore.position = max(restore.position or 0, offset)
                elif error.fatal():
                    raise UnknownResult(f"changelog reader: {error.str()}")
                continue
            assert offset is not None
            rows.setdefault(restore.task.partition, []).append(
                ((message.key() or b"").decode(), message.value())
            )
            restore.position = offset + 1
        for partition, changes in rows.items():
            restore = self._running[partition]
            restore.replayed += len(changes)
            restore.store.write(changes, self.proof(restore.position or 0))

    def _finish(self, restore: Restore) -> None:
        task = restore.task
        task.changelog_offset = restore.position or 0
        restore.store.write([], self.proof(task.changelog_offset))
        task.next_wake_ms = restore.store.next_wake_ms()
        task.restored = True
        log.info("partition %d is ready: %d changelog records replayed", task.partition, restore.replayed)

    def proof(self, changelog_offset: int) -> Proof:
        """What a store that holds everything before `changelog_offset` may claim now."""
        return Proof(self._cluster_id, self._topic_id, changelog_offset, self._clock.now_ms())

    def _unassign(self, partition: int) -> None:
        assert self._changelog is not None
        assert self._reader is not None
        self._reader.incremental_unassign([TopicPartition(self._changelog.name, partition)])

    def close(self) -> None:
        if self._reader:
            self._reader.close()
