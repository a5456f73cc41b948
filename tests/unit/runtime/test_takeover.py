"""What a restore says of itself, and which store it carries on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from streams.runtime.clock import ManualClock
from streams.runtime.replay import STORE_MAX_AGE_MS, Identity, Span, Tail, resume
from streams.runtime.store import Change, Proof, Store
from streams.runtime.takeover import AGAIN_S, Takeovers
from streams.runtime.task import Task
from streams.topology import Topic
from tests.unit.runtime.stores import open_store

IDENTITY = Identity("cluster", "topic")
NOW_MS = ManualClock().now_ms()
SPAN = Span(low=10, end=50, asked_ms=NOW_MS - 7)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "0.lmdb")
    yield store
    store.close()


@pytest.mark.parametrize(
    ("position", "now_s", "said"),
    [
        (1_000, 10.0, "0% of 8000 records"),
        (3_000, 12.0, "25% of 8000 records, 6 s left"),
        (9_000, 18.0, "100% of 8000 records, 0 s left"),
    ],
)
def test_a_restore_tells_how_far_it_is_and_how_long_it_will_take(
    store: Store, position: int, now_s: float, said: str
) -> None:
    """From where it began, not from the log's start: the rest of a store that was kept is not counted."""
    span = Span(0, 9_000, 0)
    tail = Tail(0, store, IDENTITY, span, position, current_at=0, begun=1_000, begun_s=10.0, told_s=10.0)
    assert tail.progress(now_s) == said


def _resumed(store: Store, proof: Proof | None, span: Span = SPAN) -> tuple[int, int, int]:
    """Position, claim and number of keys after `proof` and one key were found on disk."""
    if proof:
        store.write([Change("k", b"v", None)], proof)
    tail = resume(store, 0, "x.changelog", IDENTITY, span, ManualClock())
    return tail.position, tail.current_at, store.count()


@pytest.mark.parametrize("offset", [SPAN.low, 30, SPAN.end])
def test_a_store_that_proves_itself_is_carried_on(store: Store, offset: int) -> None:
    """And goes on claiming what it did: only its end, once passed, makes it complete as of now."""
    claimed_ms = NOW_MS - STORE_MAX_AGE_MS
    assert _resumed(store, Proof(*IDENTITY, offset, claimed_ms)) == (offset, claimed_ms, 1)


@pytest.mark.parametrize(
    "proof",
    [
        None,
        Proof("another", "topic", 30, NOW_MS),
        Proof("cluster", "another", 30, NOW_MS),
        Proof("cluster", "topic", SPAN.low - 1, NOW_MS),
        Proof("cluster", "topic", SPAN.end + 1, NOW_MS),
        Proof("cluster", "topic", 30, 0),
        Proof("cluster", "topic", 30, NOW_MS - STORE_MAX_AGE_MS - 1),
    ],
)
def test_any_other_store_is_begun_empty(store: Store, proof: Proof | None) -> None:
    """At the start of the log. What it has yet to read shows its deletes from the time on at which it was asked for."""
    assert _resumed(store, proof) == (SPAN.low, SPAN.asked_ms, 0)


def test_a_restore_that_was_broken_off_is_carried_on_for_as_long_as_deletes_are_remembered(
    store: Store,
) -> None:
    """Half a restore is not begun again, be its member killed a hundred times; half of one a week ago is."""
    tail = resume(store, 0, "x.changelog", IDENTITY, SPAN, ManualClock())
    tail.position = 30
    store.write([Change("k", b"v", None)], tail.proof())
    assert _resumed(store, None) == (30, SPAN.asked_ms, 1)
    later = ManualClock(SPAN.asked_ms + STORE_MAX_AGE_MS + 1)
    assert resume(store, 0, "x.changelog", IDENTITY, SPAN, later).position == SPAN.low
    assert store.count() == 0


def test_a_tail_claims_the_time_at_which_its_end_was_asked_for(store: Store) -> None:
    """Once it is passed, and not before: what it lacked until then might have been deletes."""
    tail = resume(store, 0, "x.changelog", IDENTITY, SPAN, ManualClock())
    tail.aim(Span(10, 60, NOW_MS))
    tail.position = 59
    assert not tail.prove()
    assert tail.current_at == SPAN.asked_ms
    tail.position = 60
    assert tail.prove()
    assert not tail.prove()
    assert store.proof() == Proof(*IDENTITY, 60, NOW_MS)


class _AfterAnOutage:
    """A cluster whose reader has learnt, in an outage, that the topic has no partition 0; `end` is what is answered
    for its high watermark. Reader and admin client in one."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.is_known = False

    def list_offsets(
        self, request: Mapping[TopicPartition, Any], **_: Any
    ) -> dict[TopicPartition, Future[Any]]:
        answers: dict[TopicPartition, Future[Any]] = {partition: Future() for partition in request}
        for answer in answers.values():
            answer.set_result(SimpleNamespace(offset=self.end))
        return answers

    def get_watermark_offsets(self, *_: Any, **__: Any) -> tuple[int, int]:
        if not self.is_known:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))
        return 0, self.end

    def list_topics(self, *_: Any, **__: Any) -> SimpleNamespace:
        self.is_known = True
        return SimpleNamespace(cluster_id="cluster")

    def describe_topics(self, *_: Any, **__: Any) -> dict[str, Future[Any]]:
        found: Future[Any] = Future()
        found.set_result(SimpleNamespace(topic_id="topic"))
        return {"x.changelog": found}

    def incremental_assign(self, _: Any) -> None: ...

    def incremental_unassign(self, _: Any) -> None: ...

    def consume(self, *_: Any) -> list[Any]:
        return []

    def poll(self, _: float) -> None: ...


def _taking_over(cluster: _AfterAnOutage, store: Store) -> tuple[Takeovers, Task, ManualClock]:
    clock, reader = ManualClock(), SimpleNamespace(**{n: getattr(cluster, n) for n in _OF_READER})
    clients: Any = SimpleNamespace(log_reader=lambda: reader)
    admin: Any = SimpleNamespace(**{n: getattr(cluster, n) for n in _OF_ADMIN})
    takeovers = Takeovers(clients, admin, Topic("x.changelog", "state", None), clock)
    task: Any = SimpleNamespace(
        partition=0, store=store, restored=False, next_wake_ms=None, changelog_offset=0
    )
    takeovers.begin(task)
    return takeovers, task, clock


_OF_ADMIN = ("list_offsets", "describe_topics", "list_topics")
_OF_READER = (
    "get_watermark_offsets",
    "list_topics",
    "incremental_assign",
    "incremental_unassign",
    "consume",
    "poll",
)


def test_a_reader_that_was_told_wrong_in_an_outage_asks_again(store: Store) -> None:
    """It does not by itself: without being made to, the partition was never taken over."""
    cluster = _AfterAnOutage(end=0)
    takeovers, task, clock = _taking_over(cluster, store)
    # Whatever else asks for the topic must not be what helps.
    takeovers._identified = True
    restored = []
    for _ in range(2):
        takeovers.advance()
        restored.append(task.restored)
        clock.advance(AGAIN_S)
    assert restored == [False, True]


def test_an_end_that_is_not_known_is_not_taken_for_the_start(store: Store) -> None:
    """A partition without a leader is answered -1001 and no error. Its state must not be taken for empty."""
    store.write([Change("k", b"v", None)], Proof(*IDENTITY, 30, NOW_MS))
    cluster = _AfterAnOutage(end=OFFSET_INVALID)
    cluster.is_known = True
    takeovers, task, clock = _taking_over(cluster, store)
    restored = []
    for end in (OFFSET_INVALID, OFFSET_INVALID, 30, 30):
        cluster.end = end
        takeovers.advance()
        restored.append(task.restored)
        clock.advance(AGAIN_S)
    assert restored == [False, False, False, True], "as soon as the end is known"
    assert store.count() == 1
