"""Changelogs into stores, read committed: what a takeover does once and a standby does all the time.

A `Tail` is the store of one partition and how far it has read; `Replay` is the consumer that feeds any number of them.
What a store that is found on disk must show to be carried on stands here too, so that all who read obey one rule.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.runtime.clock import Clock
from streams.runtime.errors import Fenced, Hold, LoopError, StoreFailed
from streams.runtime.store import Proof, Store
from streams.topology import DAY_MS

log = logging.getLogger("ringback.takeover")

# Half of the changelog's delete.retention.ms: a compacted log shows deletes to a store that is younger than this.
STORE_MAX_AGE_MS = 7 * DAY_MS // 2
TELL_EVERY_S = 2.0


class Identity(NamedTuple):
    """Which log: a topic that was made anew under its old name is another."""

    cluster_id: str
    topic_id: str


class Span(NamedTuple):
    """One partition of the log as it was asked for at `asked_ms`: its first offset, its high watermark, uncommitted."""

    low: int
    end: int
    asked_ms: int


@dataclass(slots=True)
class Tail:
    """One store on its way to `span.end`. `position`: the next changelog offset to replay.

    `current_at` (epoch ms) is what the store may claim: every delete that it lacks was written later, or lies
    beyond `position` and is still in the log. So it is the time at which the store was last complete, or at which it
    was begun empty: what an empty store has yet to read shows its deletes for `delete.retention.ms` from then on.
    """

    partition: int
    store: Store
    identity: Identity
    span: Span
    position: int
    current_at: int
    # For the estimate: where and when (monotonic) the replay began, and when something was last said of it.
    begun: int
    begun_s: float
    told_s: float
    replayed: int = 0
    passed: bool = False  # `span.end`, since it was last asked for
    complete: bool = False  # it was passed once

    def proof(self) -> Proof:
        return Proof(*self.identity, self.position, self.current_at)

    def aim(self, span: Span) -> None:
        """The log was asked for again."""
        self.span, self.passed = span, False

    def prove(self) -> bool:
        """True once for each aim, when its end is passed; the store then claims its time. Raises StoreFailed."""
        if self.passed or self.position < self.span.end:
            return False
        self.passed, self.complete, self.current_at = True, True, self.span.asked_ms
        self.store.write([], self.proof())
        return True

    def progress(self, now_s: float) -> str:
        """How much is replayed, and how long the rest will take if it goes on like this."""
        done, left = self.position - self.begun, max(0, self.span.end - self.position)
        share = done / max(1, done + left)
        rest_s = (now_s - self.begun_s) / done * left if done else None
        return f"{share:.0%} of {done + left} records" + ("" if rest_s is None else f", {rest_s:.0f} s left")


def resume(store: Store, partition: int, topic: str, identity: Identity, span: Span, clock: Clock) -> Tail:
    """Carry `store` on from what it proves, or begin it again, empty, at the start of the log. Raises StoreFailed."""
    proof = store.proof()
    why_not = _distrust(proof, identity, span, clock.now_ms())
    if why_not and proof:
        log.warning("%s/%d: local store wiped: %s", topic, partition, why_not)
    if proof is None or why_not:
        store.wipe()
        start, current_at = span.low, span.asked_ms
    else:
        start, current_at = proof.changelog_offset, proof.current_at
    now_s = clock.monotonic_s()
    return Tail(partition, store, identity, span, start, current_at, begun=start, begun_s=now_s, told_s=now_s)


def _distrust(proof: Proof | None, identity: Identity, span: Span, now_ms: int) -> str:
    """Why the local store cannot be carried on; empty when it can."""
    if proof is None:
        return "it is new"
    if (proof.cluster_id, proof.topic_id) != identity:
        return "it belongs to another topic"
    if not span.low <= proof.changelog_offset <= span.end:
        return f"its offset {proof.changelog_offset} lies outside the log ({span.low}..{span.end})"
    if not proof.current_at:
        return "it has never been complete"
    if now_ms - proof.current_at > STORE_MAX_AGE_MS:
        return "it is older than the changelog remembers deletes"
    return ""


class Replay:
    """Reads one changelog into the stores of `tails`. `doing` names it in the log."""

    def __init__(self, reader: Consumer, topic: str, clock: Clock, doing: str) -> None:
        self._reader: Consumer | None = reader
        self._topic = topic
        self._clock = clock
        self._doing = doing
        self.tails: dict[int, Tail] = {}

    def add(self, tail: Tail) -> None:
        """Start reading at its position."""
        assert self._reader is not None
        self._reader.incremental_assign([TopicPartition(self._topic, tail.partition, tail.position)])
        self.tails[tail.partition] = tail

    def remove(self, partition: int) -> Tail | None:
        """Stop reading; the tail with its store, open, if it was read."""
        tail = self.tails.pop(partition, None)
        if tail and self._reader is not None:
            with contextlib.suppress(KafkaException):  # a reader that is dead tells so when it is read
                self._reader.incremental_unassign([TopicPartition(self._topic, partition)])
        return tail

    def read(self, wait_s: float, limit: int) -> tuple[int, dict[int, LoopError]]:
        """Read and store what has come, at most `limit` and one; wait for the first of it.

        Returns how much that was, and the tails that must begin anew: Hold for a record of a schema that we do not
        know, or a log that was cut; StoreFailed. Nothing of what they were given is stored. Raises Fenced.
        """
        if not self.tails or self._reader is None:
            return 0, {}
        first = self._reader.poll(wait_s) if wait_s else None
        # Not `if first`: a message is as long as its value, so a tombstone would count as none.
        messages = [*([first] if first is not None else []), *self._reader.consume(limit, 0)]
        latest: dict[
            int, dict[str, bytes | None]
        ] = {}  # of each key, in one turn of a backlog there may be several
        failed: dict[int, LoopError] = {}
        for message in messages:
            error, offset, number = message.error(), message.offset(), message.partition()
            if error is not None and error.fatal():
                raise Fenced(f"changelog reader: {error.str()}")
            tail = self.tails.get(number) if number is not None else None
            if tail is None or offset is None or tail.partition in failed:
                continue
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    tail.position = max(tail.position, offset)
                continue
            try:
                if offset < tail.position:
                    tail.store.wipe()  # a copy of what is no more
                    raise Hold(f"offset {offset} came after {tail.position - 1}: the log was cut")
            except (Hold, StoreFailed) as failure:
                failed[tail.partition] = failure
                continue
            latest.setdefault(tail.partition, {})[(message.key() or b"").decode()] = message.value()
            tail.position = offset + 1
            tail.replayed += 1
        now_s = self._clock.monotonic_s()
        for partition, values in latest.items():
            if partition not in failed:
                try:
                    self._store(self.tails[partition], values, now_s)
                except (Hold, StoreFailed) as failure:
                    failed[partition] = failure
        return len(messages), failed

    def _store(self, tail: Tail, values: dict[str, bytes | None], now_s: float) -> None:
        tail.store.write([tail.store.replayed(*item) for item in values.items()], tail.proof())
        if not tail.complete and now_s - tail.told_s >= TELL_EVERY_S:
            tail.told_s = now_s
            log.info("%s %s/%d: %s", self._doing, self._topic, tail.partition, tail.progress(now_s))

    def close(self) -> None:
        """Safe to call again."""
        if self._reader:
            self._reader.close()
            self._reader = None
