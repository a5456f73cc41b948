"""The local cluster as its users meet it: real brokers, a real Valkey, real kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.cluster import ChildFailed, DirectoryInUse, LocalCluster, status, stop
from infra.cluster.identity import ProcessIdentity
from infra.cluster.readiness import QUIET
from tests.waiting import until

pytestmark = pytest.mark.integration

DEADLINE_S = 30.0

STARTER = """
import sys
from pathlib import Path
from infra.cluster import LocalCluster
cluster = LocalCluster.start(Path(sys.argv[1]), detached=sys.argv[2] == "detached")
print(*cluster.pids.values(), flush=True)
if sys.argv[2] != "detached":
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster.start(tmp_path_factory.mktemp("single"), progress=print) as cluster:
        yield cluster


def config(cluster: LocalCluster, **more: Any) -> dict[str, Any]:
    return {**QUIET, "bootstrap.servers": cluster.bootstrap_servers, **more}


def create(cluster: LocalCluster, topic: str, copies: int = 1) -> None:
    admin = AdminClient(config(cluster))  # kept until the answer is there: an admin client that goes cancels
    admin.create_topics([NewTopic(topic, 1, copies)], operation_timeout=DEADLINE_S)[topic].result(DEADLINE_S)


def produce(cluster: LocalCluster, topic: str, value: bytes) -> None:
    failures: list[object] = []
    producer = Producer(config(cluster, acks="all", **{"delivery.timeout.ms": int(DEADLINE_S * 1000)}))
    producer.produce(topic, value, on_delivery=lambda error, _: failures.append(error) if error else None)
    assert producer.flush(DEADLINE_S) == 0
    assert failures == []


def read(cluster: LocalCluster, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer(config(cluster, **{"group.id": f"read-{topic}", "auto.offset.reset": "earliest"}))
    try:
        consumer.subscribe([topic])
        return [message.value() for message in consumer.consume(count, DEADLINE_S)]
    finally:
        consumer.close()


def topics(cluster: LocalCluster) -> set[str]:
    return {name for name in AdminClient(config(cluster)).list_topics().topics if not name.startswith("__")}


def store(cluster: LocalCluster) -> redis.Redis:
    return redis.Redis.from_url(cluster.redis_url, decode_responses=True)


def identities(pids: list[int]) -> list[ProcessIdentity]:
    found = [ProcessIdentity.of(pid) for pid in pids]
    assert all(process.alive for process in found)
    return found


def start_in_another_process(folder: Path, mode: str) -> tuple[subprocess.Popen[str], list[ProcessIdentity]]:
    owner = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder), mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    return owner, identities([int(pid) for pid in owner.stdout.readline().split()])


def test_data_and_ports_stay_until_they_are_wiped(tmp_path: Path) -> None:
    """A second start finds the records and keys of the first, on the same ports; `wipe` finds nothing."""
    with LocalCluster.start(tmp_path) as first:
        create(first, "kept")
        produce(first, "kept", b"a record")
        with store(first) as client:
            client.set("kept", "a value")
        servers = identities(list(first.pids.values()))
        with pytest.raises(DirectoryInUse, match="runs in"):
            LocalCluster.start(tmp_path)
    assert not any(server.alive for server in servers)

    began = time.monotonic()
    with LocalCluster.start(tmp_path) as second:
        print(f"second start: ready after {time.monotonic() - began:.2f} s")
        assert (second.bootstrap_servers, second.redis_url) == (first.bootstrap_servers, first.redis_url)
        assert read(second, "kept", 1) == [b"a record"]
        with store(second) as client:
            assert client.get("kept") == "a value"

    (tmp_path / "not-ours.txt").write_text("stays")
    with LocalCluster.start(tmp_path, wipe=True) as third:
        assert topics(third) == set()
        with store(third) as client:
            assert client.dbsize() == 0
    assert (tmp_path / "not-ours.txt").exists()
    with pytest.raises(DirectoryInUse, match="1 node"):
        LocalCluster.start(tmp_path, nodes=3)


def test_kill_9_of_the_owner_leaves_nothing_and_the_directory_usable(tmp_path: Path) -> None:
    """Brokers end with the process that started them, however it ended; the next start waits for that and succeeds."""
    owner, servers = start_in_another_process(tmp_path, "attached")
    with owner:
        owner.kill()
    with LocalCluster.start(tmp_path) as cluster:
        assert not any(server.alive for server in servers)
        assert len(cluster.pids) == 2


def test_ctrl_c_of_the_terminal_does_not_reach_the_servers(single: LocalCluster) -> None:
    """Their owner decides when they stop: they are in no session or group that a terminal signals."""
    assert all(os.getsid(pid) == pid for pid in single.pids.values())


def test_two_starts_at_once_do_not_collide(tmp_path: Path) -> None:
    """Two clusters that look for ports at the same moment share none, and neither sees the other's topics."""
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda name: LocalCluster.start(tmp_path / name), ["one", "two"])
    with one, two:
        assert one.bootstrap_servers != two.bootstrap_servers
        assert one.redis_url != two.redis_url
        create(one, "mine")
        until(lambda: topics(one) == {"mine"}, "the topic is known")
        assert topics(two) == set()


def test_three_nodes_take_writes_while_one_is_dead(tmp_path: Path) -> None:
    """With RF 3 and two in-sync replicas, acks=all goes on after `kill -9` of a node, which then catches up again."""
    with LocalCluster.start(tmp_path, nodes=3) as cluster:
        assert len(cluster.bootstrap_servers.split(",")) == 3
        create(cluster, "safe", copies=3)
        produce(cluster, "safe", b"before")
        cluster.kill_broker(2)
        assert set(cluster.pids) == {"kafka-1", "kafka-3", "valkey"}
        produce(cluster, "safe", b"without node 2")
        cluster.start_broker(2)
        admin = AdminClient(config(cluster))
        until(
            lambda: len(admin.list_topics("safe").topics["safe"].partitions[0].isrs) == 3, "node 2 catches up"
        )
        assert read(cluster, "safe", 2) == [b"before", b"without node 2"]
        cluster.stop(timeout_s=2.0)  # three nodes that stop at once wait 5 s for a leader that cannot be


def test_redis_keeps_what_it_acknowledged(single: LocalCluster) -> None:
    """After a stop and after `kill -9`, Valkey is back on its port with every acknowledged write."""
    with store(single) as client:
        for kill in (False, True):
            client.incr("count")
            single.stop_redis(kill=kill)
            with pytest.raises(redis.ConnectionError):
                client.ping()
            single.start_redis()
        assert client.get("count") == "2"
        assert client.config_get("appendfsync") == {"appendfsync": "always"}


def test_a_broker_that_was_killed_comes_back_with_its_records(single: LocalCluster) -> None:
    """`kill_broker` and `start_broker` keep address and data; so does a clean restart."""
    create(single, "survives")
    produce(single, "survives", b"one")
    single.kill_broker(1)
    single.start_broker(1)
    produce(single, "survives", b"two")
    single.restart_broker(1)
    assert read(single, "survives", 2) == [b"one", b"two"]


def test_the_broker_has_the_settings_that_the_loop_counts_on(single: LocalCluster) -> None:
    """Topics are not made by accident, and a short classic session is accepted."""
    producer = Producer(config(single, **{"message.timeout.ms": 1000, "allow.auto.create.topics": True}))
    failed: list[bool] = []
    producer.produce("never.created", b"x", on_delivery=lambda error, _: failed.append(error is not None))
    producer.flush(DEADLINE_S)
    assert failed == [True]
    assert "never.created" not in topics(single)

    create(single, "sessions")
    produce(single, "sessions", b"x")
    consumer = Consumer(
        config(
            single,
            **{"group.id": "short", "session.timeout.ms": 1000, "heartbeat.interval.ms": 300},
            **{"auto.offset.reset": "earliest"},
        )
    )
    consumer.subscribe(["sessions"])
    assert [message.error() for message in consumer.consume(1, DEADLINE_S)] == [None]
    consumer.close()


def test_a_detached_cluster_outlives_its_command_until_it_is_stopped(tmp_path: Path) -> None:
    """It runs on after its command has ended, is found by its directory alone, and stops once."""
    command, servers = start_in_another_process(tmp_path, "detached")
    with command:
        assert command.wait(DEADLINE_S) == 0
    found = status(tmp_path)
    assert found is not None
    assert found.running
    assert found.detached
    assert sorted(found.pids.values()) == sorted(server.pid for server in servers)
    with redis.Redis.from_url(found.redis_url) as client:
        assert client.ping()
    with pytest.raises(DirectoryInUse, match="cluster stop"):
        LocalCluster.start(tmp_path)

    assert stop(tmp_path)
    assert not any(server.alive for server in servers)
    after = status(tmp_path)
    assert after is not None
    assert not after.running
    assert not stop(tmp_path)


def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    """The error carries the end of the broker's log, and nothing keeps running."""
    with LocalCluster.start(tmp_path) as cluster:
        servers = identities(list(cluster.pids.values()))
        cluster.stop_broker(1)
        (tmp_path / "node-1" / "data" / "meta.properties").write_text("version=1\ncluster.id=\nnode.id=9\n")
        with pytest.raises(ChildFailed, match=r"kafka-1 ended[\s\S]*node.id"):
            cluster.start_broker(1)
    assert not any(server.signal(signal.SIGCONT) for server in servers)
