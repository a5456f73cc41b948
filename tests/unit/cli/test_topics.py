"""Comparing the map with a cluster, and finding a user's partition: the pure parts of `connectors/kafka`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kafka.browse import murmur2, partition_of
from connectors.kafka.topics import FoundTopic, compare, wanted_config
from streams.topology import REQUESTS, TENANTS


def _as_wanted(partitions: int = 8, other: dict[str, str] | None = None) -> FoundTopic:
    return FoundTopic(partitions, 1, {**wanted_config(REQUESTS, 1), "x": "y", **(other or {})})


def test_a_missing_topic_is_created_a_matching_one_is_left_alone() -> None:
    """Settings that the map does not name are the cluster's business."""
    plans = compare({REQUESTS.name: _as_wanted()}, [REQUESTS, TENANTS], 8, 1)
    assert [(p.topic.name, p.action) for p in plans] == [("reminders.requests", "ok"), ("tenants", "create")]


@pytest.mark.parametrize(
    ("found", "what"),
    [
        (_as_wanted(partitions=4), "partitions is 4, wanted 8"),
        (FoundTopic(8, 3, wanted_config(REQUESTS, 1)), "replication is 3, wanted 1"),
        (_as_wanted(other={"retention.ms": "1"}), "retention.ms is 1, wanted 604800000"),
        (_as_wanted(other={"message.timestamp.type": "CreateTime"}), "message.timestamp.type is CreateTime"),
    ],
)
def test_every_difference_is_drift(found: FoundTopic, what: str) -> None:
    """Partition count, replication and each setting of the map are compared."""
    [plan] = compare({REQUESTS.name: found}, [REQUESTS], 8, 1)
    assert plan.action == "drift"
    assert next(str(d) for d in plan.differences).startswith(what)


def test_three_replicas_demand_two_in_sync() -> None:
    """An acknowledged record survives one broker, and one broker away stops nobody."""
    assert wanted_config(REQUESTS, 3)["min.insync.replicas"] == "2"
    assert "min.insync.replicas" not in wanted_config(REQUESTS, 1)


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_kafkas(key: bytes, signed: int) -> None:
    """The vectors of Kafka's own UtilsTest.testMurmur2."""
    assert murmur2(key) == signed & 0xFFFFFFFF


@given(st.binary(max_size=64), st.integers(1, 64))
def test_a_partition_exists(key: bytes, partitions: int) -> None:
    """Any key, any count: a partition of that topic."""
    assert 0 <= partition_of(key, partitions) < partitions
