"""The pure parts of the loop: what an error means, when a flood is one, how clocks and answers behave."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.clock import ManualClock, SystemClock
from streams.runtime.dead_letters import (
    MAX_RECORD_BYTES,
    DeadLetterLimit,
    DeadLetterRate,
    Source,
    dead_letter,
)
from streams.runtime.effects import Arrived, Done, Inbox
from streams.runtime.errors import Fenced, Rejoin, Rewind, UnknownResult, classify
from streams.runtime.freshness import Sample
from streams.runtime.processor import Poison, Result
from streams.runtime.wire import Wire

CASES = [
    (KafkaError(KafkaError.ILLEGAL_GENERATION), Rejoin),
    (KafkaError(KafkaError.UNKNOWN_MEMBER_ID, txn_requires_abort=True), Rejoin),
    (KafkaError(KafkaError.STALE_MEMBER_EPOCH), Rejoin),
    (KafkaError(KafkaError.PRODUCER_FENCED), Fenced),
    (KafkaError(KafkaError.FENCED_INSTANCE_ID), Fenced),
    (KafkaError(KafkaError._TIMED_OUT, fatal=True), Fenced),
    (KafkaError(KafkaError.NOT_ENOUGH_REPLICAS, txn_requires_abort=True), Rewind),
    (KafkaError(KafkaError._TIMED_OUT, retriable=True), UnknownResult),
    (KafkaError(KafkaError._STATE), UnknownResult),
]


@pytest.mark.parametrize(("error", "decision"), CASES, ids=lambda case: getattr(case, "__name__", str(case)))
def test_an_error_of_a_transaction_call_is_one_decision(error: KafkaError, decision: type) -> None:
    """Membership first, then fences, then aborts; whatever is left may have happened."""
    assert type(classify(KafkaException(error))) is decision


def test_a_flood_is_a_share_of_enough_records_within_the_window() -> None:
    """Few records never stop a partition, an old flood does not, and a share of exactly the limit does not."""
    rate = DeadLetterRate(DeadLetterLimit(share=0.1, records=100, window_s=60))
    assert not rate.add(99, 99, 0.0)
    assert rate.add(1, 0, 1.0)
    rate = DeadLetterRate(DeadLetterLimit(share=0.1, records=100, window_s=60))
    assert not rate.add(100, 10, 0.0)
    assert rate.add(1, 1, 59.0)
    assert not rate.add(100, 0, 61.0)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.floats(0, 20)), max_size=40),
)
def test_the_rate_agrees_with_adding_up_the_window(batches: list[tuple[int, int, float]]) -> None:
    """The running sums against an oracle that keeps every batch and adds up the last minute's seconds."""
    limit = DeadLetterLimit(share=0.1, records=100, window_s=60)
    rate, now_s, kept = DeadLetterRate(limit), 0.0, []
    for events, dead, wait_s in batches:
        now_s += wait_s
        kept.append((int(now_s), events, dead))
        window = [(e, d) for second, e, d in kept if second > now_s - limit.window_s]
        total, total_dead = sum(e for e, _ in window), sum(d for _, d in window)
        assert rate.add(events, dead, now_s) == (total >= 100 and total_dead > 0.1 * total)


def test_a_dead_letter_fits_the_broker_whatever_its_source() -> None:
    """A key and a value of the broker's greatest size, and a long reason: cut, with length and hash of the whole."""
    source = Source("t", 0, 1, 2, b"k" * 1_048_576, b"v" * 1_048_576)
    record = dead_letter(source, Poison("undecodable", "é" * 5_000), 3)
    size = len(Wire().encode("dead.letters", "DeadLetter", record)) + len(source.short_key or b"")
    assert size <= MAX_RECORD_BYTES
    assert record["value_length"] == 1_048_576


def test_a_manual_clock_moves_both_times_together() -> None:
    """And only when it is told to."""
    clock = ManualClock(1_000)
    start_s = clock.monotonic_s()
    assert clock.now_ms() == 1_000
    clock.advance(1.5)
    assert (clock.now_ms(), clock.monotonic_s() - start_s) == (2_500, 1.5)


def test_the_system_clock_does_not_follow_a_step_of_wall_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wall time is read once and carried on by the monotonic clock."""
    clock = SystemClock()
    before = clock.now_ms()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert 0 <= clock.now_ms() - before < 1_000


class Threads:
    """Hands that answer from another thread, each effect with itself."""

    def submit(self, effect: Any, done: Done) -> None:
        threading.Thread(target=done, args=(effect,)).start()

    def close(self, deadline_s: float) -> None: ...


def test_the_inbox_loses_no_answer_of_any_thread() -> None:
    """It expects each that was released until it was taken, and gives it out once."""
    inbox, taken = Inbox(), []
    for number in range(100):
        inbox.release(Threads(), number, tenure=1)
    end_s = time.monotonic() + 10
    while inbox.expecting:
        assert time.monotonic() < end_s
        taken += inbox.take()
    assert sorted(arrived.result.answer for arrived in taken) == list(range(100))


def test_answers_that_are_put_back_come_first_and_in_order() -> None:
    """An aborted transaction's answers are in the next one, before younger ones."""
    inbox = Inbox()
    one, two, three = (Arrived(1, Result(None, number)) for number in (1, 2, 3))
    inbox.put_back([three])
    inbox.put_back([one, two])
    assert inbox.expecting
    assert inbox.take() == [one, two, three]
    assert not inbox.expecting


def _answered(offset: int) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(type("Info", (), {"offset": offset}))
    return future


def _failed() -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
    return future


def test_a_sample_is_passed_when_every_topic_is() -> None:
    """At the sampled end or beyond it on each topic; a topic that was not answered for is never passed."""
    sample = Sample(0, {TopicPartition("a", 3): _answered(10), TopicPartition("b", 3): _answered(0)})
    assert sample.done()
    sample.settle()
    assert sample.passed(["a", "b"], 3, {"a": 10, "b": 0})
    assert not sample.passed(["a", "b"], 3, {"a": 9, "b": 5})
    assert not sample.passed(["a"], 3, {})
    assert not sample.passed(["a"], 4, {"a": 10})
    broken = Sample(0, {TopicPartition("a", 3): _failed()})
    broken.settle()
    assert not broken.passed(["a"], 3, {"a": 10**9})
