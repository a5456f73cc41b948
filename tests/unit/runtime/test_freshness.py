"""A sample of high watermarks says what the brokers have said, and nothing else."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from streams.runtime.freshness import Sample


def sampled(answer: int | Exception) -> Sample:
    """What was answered for partition 0 of topic `t`."""
    future: Future[Any] = Future()
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(SimpleNamespace(offset=answer))
    sample = Sample(0, {TopicPartition("t", 0): future})
    sample.settle()
    return sample


def test_an_end_is_passed_when_the_reader_has_come_to_it() -> None:
    """And not one record before."""
    assert sampled(5).passed(("t",), 0, {"t": 5})
    assert not sampled(5).passed(("t",), 0, {"t": 4})
    assert sampled(0).passed(("t",), 0, {"t": 0})


@pytest.mark.parametrize(
    "answer", [OFFSET_INVALID, -1, KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))]
)
def test_an_answer_without_an_offset_is_none(answer: int | Exception) -> None:
    """A partition without a leader is answered -1001 and no error: that is not an end which everybody has passed."""
    sample = sampled(answer)
    assert sample.ends == {}
    assert not sample.passed(("t",), 0, {"t": 1_000})
