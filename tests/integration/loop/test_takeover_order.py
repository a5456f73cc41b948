"""Taking over while transaction markers are late: the four steps of streams/runtime/takeover.py, one by one.

A transaction is committed when its coordinator has logged that it will be. Readers, and the group's offsets, see it
when the coordinator's markers have reached the leaders of its partitions. The coordinator sends those over the listener
between brokers, also to itself; here a fault proxy stands in front of it and holds them back. Clients come past it.

Three nodes, so that markers can be late in the changelog and in time for the group's offsets: a coordinator sends one
request a node. What a test waits for is asked for until it is true; nothing waits for time to pass but for timers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from confluent_kafka.cimpl import NewTopic

from infra.chaos import WRITE_TXN_MARKERS, FaultProxies
from infra.cluster import LocalCluster
from schemas import codec
from streams.runtime.clock import SystemClock
from streams.topology import DEAD_LETTERS
from tests.integration.loop.counting import event
from tests.integration.loop.line import Line, Running
from tests.waiting import until

pytestmark = pytest.mark.integration

PARTITIONS = 6
# What the range assignor gives to `b` when it joins `a`: with three leaders in turn, one of these is led by each node.
OF_B = (3, 4, 5)
# A member asks for the broker's time with a record in dead.letters that it aborts. This node leads all of them, and
# markers to it are not late, or a member would wait for those too.
LEADS_DEAD_LETTERS = 1


@dataclass
class Nodes:
    """The cluster, and who leads what in it."""

    cluster: LocalCluster
    proxies: FaultProxies
    admin: AdminClient

    def leader(self, topic: str, number: int) -> int:
        return int(self.admin.list_topics(topic, timeout=10).topics[topic].partitions[number].leader)

    def group(self, line: Line) -> Any:
        return self.admin.describe_consumer_groups([line.stage.group])[line.stage.group].result(10)

    def hold_markers(self, *nodes: int) -> None:
        for node in nodes or self.proxies:
            self.proxies[node].hold(WRITE_TXN_MARKERS)

    def release(self) -> None:
        for proxy in self.proxies.values():
            proxy.release()

    def until_held(self, node: int) -> None:
        until(lambda: self.proxies[node].held(WRITE_TXN_MARKERS), "a marker is held back")

    def late_changelog(self, line: Line) -> tuple[int, int]:
        """A partition number that `b` will get, and the node to hold so that markers are late in its changelog,
        but not for the group's offsets."""
        apart = {self.group(line).coordinator.id, LEADS_DEAD_LETTERS}
        leaders = {number: self.leader(line.changelog, number) for number in OF_B}
        assert set(leaders.values()) == set(self.proxies), "each node leads a third of the partitions"
        return next((number, node) for number, node in leaders.items() if node not in apart)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    folder: Path = tmp_path_factory.mktemp("proxied-cluster")
    with (
        FaultProxies() as proxies,
        LocalCluster.start(folder, nodes=3, heap_mb=256, between=proxies.between, progress=print) as cluster,
    ):
        admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers, "log_level": 0})
        replicas = sorted(proxies, key=lambda node: node != LEADS_DEAD_LETTERS)
        letters = NewTopic(
            DEAD_LETTERS.name,
            PARTITIONS,  # as Line would make it: it may ask a node that does not know of it yet
            replica_assignment=[replicas] * PARTITIONS,
            config=DEAD_LETTERS.config(),
        )
        until(lambda: _created(admin, letters), "the nodes, new to each other, make the topic")
        yield Nodes(cluster, proxies, admin)
        cluster.stop(timeout_s=2)  # three that stop at once wait for a quorum that does not come


def _created(admin: AdminClient, topic: NewTopic) -> bool:
    """The client lets go of a node that its first metadata do not name yet, and of what it has asked of that
    (_DESTROY_BROKER); the node may make the topic all the same."""
    try:
        admin.create_topics([topic])[topic.topic].result(10)
    except KafkaException as error:
        print("create_topics:", error)
        return bool(error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS)
    return True


@pytest.fixture(params=["classic", pytest.param("consumer", marks=pytest.mark.long)])
def line(nodes: Nodes, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Line]:
    line = Line(nodes.cluster.bootstrap_servers, tmp_path, protocol=request.param, partitions=PARTITIONS)
    yield line
    nodes.release()
    line.close()


def users(line: Line) -> dict[int, str]:
    """A user of each partition number, found by writing: who counts once is also warm."""
    line.count(40, users=40)
    found = {each.partition: (each.key or b"").decode() for each in line.committed(f"{line.name}.in")}
    assert set(found) == set(range(PARTITIONS))
    line.await_outputs(40)
    return found


def woken(line: Line, isolation: str) -> list[str]:
    """Event ids of the timers that have fired, as far as readers with this isolation level get now."""
    reader = Consumer(
        {
            "bootstrap.servers": line.bootstrap,
            "group.id": "nobody",
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
        }
    )
    found: list[str] = []
    ended: set[int | None] = set()
    try:
        reader.assign([TopicPartition(f"{line.name}.out", number, 0) for number in range(PARTITIONS)])
        while len(ended) < PARTITIONS:
            message = reader.poll(10)
            assert message is not None, "the broker does not answer"
            error = message.error()
            if error:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ended.add(message.partition())
                continue
            value = codec.decode(message.value() or b"").record
            if value["type"] == "WOKEN":
                found.append(value["event_id"])
    finally:
        reader.close()
    return found


def set_timer(line: Line, user: str, event_id: str, in_ms: int) -> int:
    """Set a timer, and wait until every reader of the changelog can see it; returns the time it is due."""
    due_at = SystemClock().now_ms() + in_ms
    line.produce(event("WAKE", user, event_id, due_at=due_at))
    until(lambda: f"timer|{user}|{event_id}" in line.state(), "the timer is in the changelog")
    return due_at


def waits_for_marker(nodes: Nodes, line: Line, running: Running, number: int) -> bool:
    """Has the taking over of `number` replayed all that is readable, and does it know that there is more?

    Asserts that it has not gone on without it.
    """
    assert number not in running.owned(), "it was taken over before the marker came"
    restore = running.loop._takeovers._running.get(number)
    if restore is None or restore.tail is None:
        return False
    partition = TopicPartition(line.changelog, number)
    asked = nodes.admin.list_offsets(
        {partition: OffsetSpec.latest()}, isolation_level=IsolationLevel.READ_COMMITTED
    )
    last_stable = int(asked[partition].result(10).offset)
    return last_stable <= restore.tail.position < restore.tail.span.end


def test_step_1_offsets_are_waited_for(nodes: Nodes, line: Line) -> None:
    """Killed right after the commit of a fire, before any marker is written. While the group's offsets are pending, the
    next owner neither becomes ready nor begins to restore (step 2 comes after step 1). Then nothing is counted or fired
    twice, and nothing is lost."""
    child = line.child("a", failpoints="loop.5-committed=4")
    line.count(1)
    line.await_outputs(1)  # transaction 1
    due_at = set_timer(line, "user0", "w", in_ms=2_500)  # 2
    nodes.hold_markers()
    line.count(1, start=1)  # 3: the offset that a repeated record would show
    # 4: the timer. Where both came in one turn, another record makes the fourth.
    until(
        lambda: child.process.poll() is not None or SystemClock().now_ms() > due_at + 1_500,
        "the timer is over",
    )
    if child.process.poll() is None:
        line.count(1, start=2)
    child.died()
    assert woken(line, "read_uncommitted") == ["w"], "the fire was written"
    assert woken(line, "read_committed") == [], "its markers are late"

    heir = line.run(line.loop("b"), again=lambda: line.loop("b"))
    until(lambda: assigned(nodes, line) == {"b": PARTITIONS}, "the group has given all to the next owner")
    # The broker answers UNSTABLE_OFFSET_COMMIT, and the client asks again as long as it may.
    with pytest.raises(KafkaException, match="_TIMED_OUT"):
        committed(line, timeout_s=1.0)
    assert not heir.loop._takeovers.running
    assert not heir.owned()
    assert not heir.loop.ready

    nodes.release()
    heir.until_owns(PARTITIONS)
    line.count(20, start=3)
    line.check_exactly_once()
    assert woken(line, "read_committed") == ["w"]


def assigned(nodes: Nodes, line: Line) -> dict[str, int]:
    """How many partitions each member has, by static id."""
    members = nodes.group(line).members
    return {each.group_instance_id: len(each.assignment.topic_partitions) for each in members}


def committed(line: Line, timeout_s: float) -> list[TopicPartition]:
    """The group's offsets, read as a member reads them."""
    reader = line.clients.group_consumer(line.stage.group, "nobody")
    try:
        return reader.committed(
            [TopicPartition(f"{line.name}.in", number) for number in range(PARTITIONS)], timeout=timeout_s
        )
    finally:
        reader.close()


def test_steps_2_and_3_a_committed_fire_is_read_although_its_marker_is_late(nodes: Nodes, line: Line) -> None:
    """Only the changelog's marker of a fire is late. The last stable offset lies before the fire, the high watermark
    behind it: the next owner waits for the marker, and does not fire again."""
    owner = line.start("a")
    number, node = nodes.late_changelog(line)
    user = users(line)[number]
    set_timer(line, user, "w", in_ms=2_000)
    nodes.hold_markers(node)
    until(lambda: owner.loop.partitions.tasks[number].next_wake_ms is None, "its commit was answered")
    nodes.until_held(node)
    assert woken(line, "read_uncommitted") == ["w"]

    heir = line.run(line.loop("b"))
    until(lambda: waits_for_marker(nodes, line, heir, number), "the replay has come to what is not readable")
    assert len(committed(line, timeout_s=10)) == PARTITIONS, "the offsets are not late"

    nodes.release()
    heir.until_owns(len(OF_B))
    line.count(40, users=40, start=40)
    line.check_exactly_once()
    assert woken(line, "read_committed") == ["w"]


def test_step_3_what_was_aborted_is_not_replayed(nodes: Nodes, line: Line) -> None:
    """A dead owner's transaction said 99, and was aborted; the marker that says so is late. The high watermark lies
    behind it, so the next owner waits for the marker, and counts on from 1."""
    line.start("a")
    number, node = nodes.late_changelog(line)
    user = users(line)[number]
    dead = line.clients.transactional_producer(f"{line.name}-dead")
    dead.init_transactions(10)
    nodes.hold_markers(node)
    dead.begin_transaction()
    wrong = codec.encode("EpochState", {"epoch": 99, "wake_at": None})
    dead.produce(line.changelog, wrong, f"count|{user}", partition=number)
    assert dead.flush(10) == 0
    dead.abort_transaction(10)
    nodes.until_held(node)

    heir = line.run(line.loop("b"))
    until(lambda: waits_for_marker(nodes, line, heir, number), "the replay has come to what is not readable")

    nodes.release()
    heir.until_owns(len(OF_B))
    line.count(40, users=40, start=40)
    line.check_exactly_once()


def test_step_4_a_restored_partition_fires_while_another_waits(nodes: Nodes, line: Line) -> None:
    """One partition's markers are late. A timer of another that was taken over with it fires in time."""
    line.start("a")
    waiting, node = nodes.late_changelog(line)
    free = next(
        number
        for number in OF_B
        if node not in (nodes.leader(line.changelog, number), nodes.leader(f"{line.name}.out", number))
    )
    user_of = users(line)
    due_at = set_timer(line, user_of[free], "w", in_ms=3_500)
    nodes.hold_markers(node)
    line.produce(event("COUNT", user_of[waiting], "late"))
    nodes.until_held(node)

    heir = line.run(line.loop("b"))
    until(lambda: waits_for_marker(nodes, line, heir, waiting), "the replay has come to what is not readable")
    until(lambda: free in heir.owned(), "the other partition is taken over")
    assert woken(line, "read_uncommitted") == [], "too slow a machine: fired before the takeover"

    until(lambda: woken(line, "read_committed") == ["w"], "the timer has fired", patience_s=10)
    assert waits_for_marker(nodes, line, heir, waiting)
    nodes.release()
    fired = [value for value in line.outputs() if value["type"] == "WOKEN"]
    assert 0 <= fired[0]["at"] - due_at < 1_000
    heir.until_owns(len(OF_B))
    line.count(40, users=40, start=40)
    line.check_exactly_once()
