"""Which partitions are ours, since when, and the group metadata that goes with that.

Offsets fence, nothing else does: the broker checks the group's generation in `send_offsets_to_transaction`, but
not that the partition belongs to the member. So the metadata is taken together with the assignment and kept until
the next one; fresh metadata with an old assignment would let a member commit another member's partition.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.runtime.clients import Clients
from streams.runtime.deadline import Deadline
from streams.runtime.errors import Fenced, describe

log = logging.getLogger("ringback.membership")

# committed() is answered only when the old owner's transaction has ended: 3 s timeout + 0.5 s scan, and slack.
COMMITTED_TIMEOUT_S = 15.0
AGAIN_S = 0.1
# What `leave` may take: one request, and the callback that gives the partitions up.
LEAVE_S = 2.0
# A partition that was just assigned takes a seek some milliseconds later, when the client's own thread has begun it.
SEEK_TIMEOUT_S = 2.0
_NOT_YET = {KafkaError._STATE, KafkaError._PREV_IN_PROGRESS}


class Membership:
    """One member's stay in its group. `gained` and `lost` are called from within `poll`, on the loop's thread."""

    def __init__(
        self,
        clients: Clients,
        group: str,
        member: str,
        gained: Callable[[dict[tuple[str, int], int]], None],
        lost: Callable[[Iterable[tuple[str, int]]], None],
    ) -> None:
        self._incremental = clients.group_protocol == "consumer"
        self._gained = gained
        self._lost = lost
        self._changed = True
        self._leaving = False
        self.joined = False
        self.metadata: object | None = None
        self.consumer: Consumer = clients.group_consumer(group, member)

    def subscribe(self, topics: Sequence[str]) -> None:
        self.consumer.subscribe(
            list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )

    def poll(self, wait_s: float, max_records: int) -> list[Message]:
        """`poll` for the first record and `consume(n, 0)` for what is there: consume alone waits for all n.

        Rebalance callbacks run in here, and what they raise comes out of here. Raises Fenced.
        """
        first = self.consumer.poll(wait_s)
        messages = [first, *self.consumer.consume(max_records - 1, 0)] if first is not None else []
        if self._changed:
            # Every callback of this poll has run: metadata and assignment belong together now.
            self.metadata = self.consumer.consumer_group_metadata()
            self._changed = False
        return messages

    def rejoin(self) -> None:
        """The group has moved on, perhaps without a callback (KIP-848): poll until no callback is pending, then
        take metadata anew. What these polls return is dropped: the caller seeks back."""
        self.pause(self.assignment())
        self._changed = True
        while self.poll(0.05, 1_000):
            pass

    def assignment(self) -> list[TopicPartition]:
        return self.consumer.assignment()

    def pause(self, partitions: list[TopicPartition]) -> None:
        if partitions:
            self.consumer.pause(partitions)

    def resume(self, positions: list[TopicPartition]) -> None:
        """Read on from `positions`. An abort does not rewind the consumer, so this seeks. Raises Fenced."""
        try:
            for position in positions:
                self._seek(position)
            self.consumer.resume(positions)
        except KafkaException as exception:
            raise Fenced(f"cannot go back to {_names(positions)}: {describe(exception)}") from exception

    def _seek(self, position: TopicPartition) -> None:
        end_s = time.monotonic() + SEEK_TIMEOUT_S
        while True:
            try:
                self.consumer.seek(position)
                return
            except KafkaException as exception:
                if exception.args[0].code() not in _NOT_YET or time.monotonic() > end_s:
                    raise
                time.sleep(0.001)

    def starts(self, partitions: Sequence[TopicPartition]) -> dict[tuple[str, int], int]:
        """Where to begin: the committed offset, or the log's start where nothing was committed.

        Raises Fenced when the broker does not say in time: a clean restart asks again.
        """
        deadline = Deadline(COMMITTED_TIMEOUT_S)
        while True:
            try:
                return self._starts(list(partitions), deadline)
            except KafkaException as exception:
                # A broker that was just started says for a moment that it does not lead what it leads.
                if deadline.passed:
                    raise Fenced(f"committed offsets are not to be had: {describe(exception)}") from exception
                log.warning("asking again for committed offsets: %s", describe(exception))
                time.sleep(AGAIN_S)

    def _starts(self, partitions: list[TopicPartition], deadline: Deadline) -> dict[tuple[str, int], int]:
        starts: dict[tuple[str, int], int] = {}
        for tp in self.consumer.committed(partitions, timeout=deadline.left_s()):
            if tp.error:
                raise KafkaException(tp.error)
            offset = tp.offset
            if offset < 0:
                offset, _ = self.consumer.get_watermark_offsets(tp, timeout=deadline.left_s())
            starts[tp.topic, tp.partition] = offset
        return starts

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._leaving:
            return  # the client assigns them, and takes them back in the next callback
        starts = self.starts(partitions) if partitions else {}
        positioned = [TopicPartition(topic, number, offset) for (topic, number), offset in starts.items()]
        if self._incremental:
            consumer.incremental_assign(positioned)
        else:
            consumer.assign(positioned)
        if positioned:
            # Nothing is fetched before the partition's state is restored (takeover.py).
            consumer.pause(positioned)
        self._changed = self.joined = True
        log.info("assigned %s", _names(positioned))
        self._gained(starts)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # No transaction is open while poll runs: what was finished is committed, the rest was not begun.
        log.info("gave up %s", _names(partitions))
        self._lost([(tp.topic, tp.partition) for tp in partitions])
        if self._incremental:
            consumer.incremental_unassign(partitions)
        else:
            consumer.unassign()
        self._changed = True

    def close(self, leave: bool = False) -> None:
        """Go without a word: a static member may be back before its session ends, and its partitions wait for it.

        With `leave` the group is told, and the others take over at their next heartbeat. The client never tells it
        when a static member closes (KIP-345), but does when such a member unsubscribes. Under KIP-848 it does not
        then either: the broker keeps the place until the session ends.
        """
        self._leaving = True
        try:
            if leave:
                self.consumer.unsubscribe()
                deadline = Deadline(LEAVE_S)
                while self.consumer.assignment() and not deadline.passed:
                    self.consumer.poll(AGAIN_S / 10)
        finally:
            self.consumer.close()


def others_in_group(admin: AdminClient, group: str, member: str) -> bool:
    """Is there somebody who could take over from `member`? Not, when the broker does not say.

    A group that is left empty waits for a first member by the broker's `group.initial.rebalance.delay.ms`, 3 s by
    default: then it is better to leave one's place as it is.
    """
    try:
        described = admin.describe_consumer_groups([group], request_timeout=LEAVE_S)[group].result()
    except KafkaException as exception:
        log.warning("who else is in %s is not to be had: %s", group, describe(exception))
        return False
    return any(other.group_instance_id != member for other in described.members)


def _names(partitions: Iterable[TopicPartition]) -> str:
    return " ".join(sorted(f"{tp.topic}/{tp.partition}" for tp in partitions)) or "nothing"
