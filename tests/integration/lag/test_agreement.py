"""The exporter and Kafka's own ConsumerGroupCommand, asked at the same moment, say the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from connectors.lag import Backlogs, Exporter, Observer
from infra.cluster import LocalCluster
from infra.cluster.tools import CONSUMER_GROUPS, kafka_tool
from tests.integration.lag.groups import Groups

pytestmark = pytest.mark.integration

Key = tuple[str, str, int]  # group, topic, partition
PARTITIONS = 3
NONE = -1


class Figures(NamedTuple):
    current: int
    end: int
    lag: int


def told_by_kafka(bootstrap: str, prefix: str) -> tuple[dict[Key, Figures], dict[str, tuple[str, int]]]:
    """By partition the offsets, by group the state and the number of members, as the command prints them."""
    ask = ("--bootstrap-server", bootstrap, "--describe", "--all-groups")
    with ThreadPoolExecutor(2) as pool:
        offsets, states = pool.map(
            lambda what: kafka_tool(CONSUMER_GROUPS, *ask, what), ("--offsets", "--state")
        )
    figures: dict[Key, Figures] = {}
    for line in offsets.splitlines():
        cells = line.split()
        if cells and cells[0].startswith(prefix):
            group, topic, partition, current, end, lag = cells[:6]
            numbers = (NONE if text == "-" else int(text) for text in (current, end, lag))
            figures[group, topic, int(partition)] = Figures(*numbers)
    groups = {}
    for line in states.splitlines():
        cells = line.split()
        if cells and cells[0].startswith(prefix):
            groups[cells[0]] = (cells[-2].lower(), int(cells[-1]))
    return figures, groups


def samples(page: bytes, family: str) -> dict[tuple[str, ...], float]:
    """By label values, in the order of the labels' names."""
    return {
        tuple(sample.labels[name] for name in sorted(sample.labels)): sample.value
        for found in text_string_to_metric_families(page.decode())
        for sample in found.samples
        if sample.name == family
    }


def test_it_says_what_the_consumer_group_command_says(cluster: LocalCluster, groups: Groups) -> None:
    """Groups of both protocols that are up to date, behind, partly and never committed, empty, and dead: the same
    offsets, ends, lags, states and members. Markers of transactions count in both."""
    topic = groups.topic(PARTITIONS)
    groups.produce(topic, [7, 5, 0])
    producer = groups.producer(transactional=True)
    for _ in range(3):
        producer.begin_transaction()
        for partition in range(PARTITIONS):
            producer.produce(topic, b"x", partition=partition)
        producer.commit_transaction(20)
    ends = (13, 11, 6)  # each of the three transactions left a record and a marker
    everything = {(topic, number): end for number, end in enumerate(ends)}
    prefix = f"{groups.name}."
    for protocol in ("classic", "consumer"):
        current, behind, partly, never = (
            groups.join(f"{prefix}{protocol}.{word}", topic, protocol)
            for word in ("up-to-date", "behind", "partly", "never")
        )
        assert never.assignment()
        for member, offsets in (
            (current, everything),
            (behind, {(topic, 0): 2, (topic, 1): 0, (topic, 2): 5}),
            (partly, {(topic, 1): 4}),
        ):
            groups.commit_as(member, offsets)
        empty = groups.join(f"{prefix}{protocol}.empty", topic, protocol)
        groups.commit_as(empty, {(topic, 0): 3, (topic, 2): 6})
        groups.members.remove(empty)
        empty.close()
    groups.commit(f"{prefix}dead", {(topic, 0): 1})
    for deleted in groups.admin.delete_consumer_groups([f"{prefix}dead"]).values():
        deleted.result(20)

    observer = Observer(groups.config, backlogs=Backlogs(), group=lambda name: name.startswith(prefix))
    page = Exporter(observer).page()
    told, states = told_by_kafka(cluster.bootstrap_servers, prefix)
    found = observer.look()

    assert len(states) == 10
    assert {g.name: (g.state, g.members) for g, _ in found.lags.groups} == states
    assert samples(page, "kafka_consumergroup_members") == {(g,): float(n) for g, (_, n) in states.items()}
    current_offsets = samples(page, "kafka_consumergroup_current_offset")
    lags = samples(page, "kafka_consumergroup_lag")
    ends_told = samples(page, "kafka_topic_partition_current_offset")
    ours = {
        (group, name, int(partition)): Figures(
            int(offset), int(ends_told[partition, name]), int(lags[group, partition, name])
        )
        for (group, partition, name), offset in current_offsets.items()
    }
    # Where a group has committed nothing in a topic, the known exporter has no sample; the command has a dash.
    never_committed = {key for key in told if key[0].endswith(".never")}
    assert len(never_committed) == 2 * PARTITIONS
    assert all(told[key].current == NONE for key in never_committed)
    # What nobody is assigned and nobody has committed is not known to the command; we say -1, as the exporter does.
    unassigned = set(ours.keys() - told.keys())
    assert {key[0] for key in unassigned} == {f"{prefix}{p}.empty" for p in ("classic", "consumer")}
    assert all(ours[key].lag == NONE for key in unassigned)
    assert {key: told[key] for key in told.keys() - never_committed} == {
        key: ours[key] for key in ours.keys() - unassigned
    }
    assert {figures.end for figures in told.values()} == set(ends)
    observer.close()
