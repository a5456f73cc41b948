"""Readable records and their age on a real log with markers, aborted and open transactions."""

from __future__ import annotations

import random
import time

import pytest

from connectors.lag import Backlogs, Observer
from connectors.lag.figures import TopicLag
from infra.cluster import LocalCluster
from tests.integration.lag.groups import Groups, readable

pytestmark = pytest.mark.integration

SEED = 14


def lag_of(observer: Observer, group: str) -> TopicLag:
    [(_, [lag])] = [each for each in observer.look().lags.groups if each[0].name == group]
    return lag


def transact(groups: Groups, topic: str, records: list[int], seed: int) -> None:
    """Transactions of these sizes, one in three of them aborted, and records outside between some."""
    chance = random.Random(seed)
    producer = groups.producer(transactional=True)
    for size in records:
        producer.begin_transaction()
        for _ in range(size):
            producer.produce(topic, b"x", partition=0)
        if chance.random() < 1 / 3:
            producer.flush(20)
            producer.abort_transaction(20)
        else:
            producer.commit_transaction(20)
        if chance.random() < 0.2:
            groups.produce(topic, [chance.randint(1, 3)])


def test_readable_is_what_a_read_committed_reader_gets(cluster: LocalCluster, groups: Groups) -> None:
    """Wherever groups stand, also when they move back and new records come between two looks, the figure is the number
    of records that an independent reader gets from there."""
    topic = groups.topic(1)
    chance = random.Random(SEED)
    observer = Observer(groups.config, backlogs=Backlogs(), topic=lambda name: name == topic)
    names = [f"{groups.name}.{number}" for number in range(4)]
    end = 0
    for turn in range(2):
        transact(groups, topic, [chance.randint(1, 6) for _ in range(15)], SEED + turn)
        end = next(iter(observer.look().snapshot.topics.values())).end[0] or 0
        stands = {name: chance.randint(0, end) for name in names}
        for name, offset in stands.items():
            groups.commit(name, {(topic, 0): offset})
        found = {group.name: lags[0] for group, lags in observer.look().lags.groups if group.name in stands}
        for name, offset in stands.items():
            assert found[name].lag == [end - offset]
            assert found[name].exact == [True]
            assert found[name].readable == [readable(cluster.bootstrap_servers, topic, 0, offset)], (
                turn,
                offset,
            )
    read_once = observer.reader.records_read
    observer.look()
    assert observer.reader.records_read == read_once, "what was read is not read again"
    observer.close()


def test_the_age_is_that_of_the_oldest_record_left(groups: Groups) -> None:
    """Records stamped an hour, a minute and a second ago: a group is as late as the first that it has not committed;
    nothing left: 0, whatever markers stand there."""
    topic = groups.topic(1)
    now_ms = time.time_ns() // 1_000_000
    ages_s = (3600, 60, 1)
    producer = groups.producer(transactional=True)
    producer.begin_transaction()
    for age_s in ages_s:
        producer.produce(topic, b"x", partition=0, timestamp=now_ms - age_s * 1000)
    producer.commit_transaction(20)
    observer = Observer(groups.config, backlogs=Backlogs(), topic=lambda name: name == topic)
    for offset, age_s in enumerate(ages_s):
        groups.commit(groups.name, {(topic, 0): offset})
        [seconds] = lag_of(observer, groups.name).seconds
        assert seconds is not None
        assert age_s <= seconds < age_s + 30
    groups.commit(groups.name, {(topic, 0): 3})
    lag = lag_of(observer, groups.name)
    assert (lag.lag, lag.readable, lag.seconds) == ([1], [0], [0.0]), "a marker is left, and no record"
    observer.close()


def test_an_open_transaction_is_not_readable_and_shows_behind_the_watermark(groups: Groups) -> None:
    """Until it commits, nothing behind its first record is readable, and the last stable offset stands back by all of
    it."""
    topic = groups.topic(1)
    groups.produce(topic, [4])
    producer = groups.producer(transactional=True)
    producer.begin_transaction()
    for _ in range(5):
        producer.produce(topic, b"x", partition=0)
    producer.flush(20)
    groups.commit(groups.name, {(topic, 0): 1})
    observer = Observer(groups.config, backlogs=Backlogs(), topic=lambda name: name == topic)
    found = observer.look()
    [state] = found.snapshot.topics.values()
    assert (state.end, state.stable) == ([9], [4])
    assert lag_of(observer, groups.name).readable == [3]
    producer.commit_transaction(20)
    assert lag_of(observer, groups.name).readable == [8]
    [state] = observer.look().snapshot.topics.values()
    assert (state.end, state.stable) == ([10], [10])
    observer.close()


def test_a_group_far_behind_is_estimated_and_never_beyond_what_can_be(groups: Groups) -> None:
    """Beyond the span that is counted, a probe of the first records gives the share of records among offsets, and the
    age is still that of the first record; without reading anything both are absent."""
    topic = groups.topic(1)
    producer = groups.producer(transactional=True)
    first_ms = time.time_ns() // 1_000_000 - 3_600_000
    for number in range(100):
        producer.begin_transaction()
        producer.produce(topic, b"x", partition=0, timestamp=first_ms + number * 10_000)
        producer.commit_transaction(20)
    other = f"{groups.name}.other"
    groups.commit(groups.name, {(topic, 0): 0})
    groups.commit(other, {(topic, 0): 20})
    observer = Observer(groups.config, backlogs=Backlogs(exact_span=50), topic=lambda name: name == topic)
    lag, nearer = lag_of(observer, groups.name), lag_of(observer, other)
    assert (lag.lag, lag.exact) == ([200], [False])
    assert (nearer.lag, nearer.exact) == ([180], [False])
    assert lag.readable[0] == pytest.approx(100, abs=2)
    assert nearer.readable[0] == pytest.approx(90, abs=2)
    assert lag.seconds[0] is not None
    assert nearer.seconds[0] is not None
    assert 3_600 <= lag.seconds[0] < 3_660
    assert lag.seconds[0] - nearer.seconds[0] == pytest.approx(100, abs=60), "the eleventh record"
    read_once = observer.reader.records_read
    groups.commit(groups.name, {(topic, 0): 160})
    lag = lag_of(observer, groups.name)
    assert (lag.readable, lag.exact) == ([20], [True]), "near the end it is counted"
    assert observer.reader.records_read <= read_once + 20 + 1, "the other group's probe stands"
    blind = lag_of(Observer(groups.config, topic=lambda name: name == topic), groups.name)
    assert (blind.lag, blind.readable, blind.seconds) == ([40], [None], [None])
    observer.close()
