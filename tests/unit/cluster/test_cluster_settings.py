"""Broker settings, node data and Valkey's command line, as text."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from infra.cluster import broker, existing, fencing, valkey


def ports(count: int) -> list[broker.NodePorts]:
    return [broker.NodePorts(9092 + n, 9192 + n) for n in range(count)]


def test_three_nodes_survive_the_loss_of_one() -> None:
    """Three nodes keep three copies of everything, acknowledge with two, and never elect a leader that lacks data."""
    settings = broker.properties(2, ports(3))
    for name in ("default.replication.factor", "offsets.topic.replication.factor"):
        assert settings[name] == "3"
    assert settings["transaction.state.log.replication.factor"] == "3"
    assert settings["min.insync.replicas"] == settings["transaction.state.log.min.isr"] == "2"
    assert settings["unclean.leader.election.enable"] == "false"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:9192,2@127.0.0.1:9193,3@127.0.0.1:9194"


def test_one_node_asks_for_no_copy() -> None:
    """A single node can create its internal topics."""
    settings = broker.properties(1, ports(1))
    factors = {value for name, value in settings.items() if name.endswith(("replication.factor", "min.isr"))}
    assert factors == {"1"}


@pytest.mark.parametrize("count", [1, 3])
def test_nothing_listens_beyond_loopback(count: int) -> None:
    """Every listener, and what clients are told to connect to, is 127.0.0.1."""
    settings = broker.properties(count, ports(count))
    for name in ("listeners", "advertised.listeners"):
        assert all("://127.0.0.1:" in listener for listener in settings[name].split(","))
    command = valkey.command(Path("valkey-server"), 6379)
    assert command[command.index("--bind") + 1] == "127.0.0.1"


def test_brokers_find_each_other_through_a_proxy_and_clients_do_not() -> None:
    """The port that other brokers are told is the proxy's; the node listens on its own, clients come as ever."""
    settings = broker.properties(1, [broker.NodePorts(9092, 9192, brokers=9292, brokers_find=9999)])
    listeners = dict(each.split("://127.0.0.1:") for each in settings["listeners"].split(","))
    told = dict(each.split("://127.0.0.1:") for each in settings["advertised.listeners"].split(","))
    assert listeners == {"CLIENT": "9092", "CONTROLLER": "9192", "BROKERS": "9292"}
    assert told == {"CLIENT": "9092", "BROKERS": "9999"}
    assert settings["inter.broker.listener.name"] == "BROKERS"


def test_the_controller_that_fences_listens_alone(tmp_path: Path) -> None:
    """The dead broker's listeners are not opened for it, however many there were."""
    for ports_of_one in (broker.NodePorts(9092, 9192), broker.NodePorts(9092, 9192, 9292, 9999)):
        fencing.write_settings(tmp_path, broker.properties(1, [ports_of_one]))
        written = (tmp_path / fencing.SETTINGS).read_text().splitlines()
        assert "listeners=CONTROLLER://127.0.0.1:9192" in written


def test_valkey_acknowledges_only_what_is_on_disk() -> None:
    """The gate's promise rests on `appendfsync always`."""
    command = valkey.command(Path("valkey-server"), 6379)
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--appendfsync") + 1] == "always"


def test_a_formatted_node_has_its_own_ids(tmp_path: Path) -> None:
    """Two nodes share the cluster id and differ in node and directory id; the feature levels are the template's."""
    template = tmp_path / "bootstrap.checkpoint"
    template.write_bytes(b"features")
    read = []
    for node in (1, 2):
        data = tmp_path / f"node-{node}" / "data"
        broker.format_data(data, node=node, cluster_id="C" * 22, bootstrap_checkpoint=template)
        assert (data / "bootstrap.checkpoint").read_bytes() == b"features"
        read.append(dict(line.split("=") for line in (data / "meta.properties").read_text().splitlines()))
    assert [meta["node.id"] for meta in read] == ["1", "2"]
    assert read[0]["cluster.id"] == read[1]["cluster.id"] == "C" * 22
    assert read[0]["directory.id"] != read[1]["directory.id"]


def test_ids_are_what_kafka_reads() -> None:
    """16 bytes in 22 characters, none starting with the dash that Kafka's tools would take for an option."""
    for identifier in (broker.kafka_uuid() for _ in range(500)):
        assert len(base64.urlsafe_b64decode(identifier + "==")) == 16
        assert not identifier.startswith("-")


def test_flags_for_every_jvm_do_not_reach_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A debugger or agent that the user's shell adds to every JVM would cost the AOT cache, or the start."""
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:+NoSuchFlag")
    monkeypatch.setenv("SOMETHING_ELSE", "kept")
    environment = broker.environment()
    assert "JAVA_TOOL_OPTIONS" not in environment
    assert environment["SOMETHING_ELSE"] == "kept"


def test_existing_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unset and an empty variable both mean: start one."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "broker:9092")
    monkeypatch.setenv("REDIS_URL", "")
    assert existing() == ("broker:9092", None)
