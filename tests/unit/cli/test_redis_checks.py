"""What `doctor` says of the gate's server: the judges on what it tells, and the whole check on real ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.settings import Settings
from infra.cli.checks.redis import check, judge_configuration, judge_kind, judge_replicas
from tests.behaviour.gate.valkey_server import ValkeyServer, valkey_server
from tests.unit.gate.replica_set import free_port, replica_set

GOOD = {"redis_version": "7.2.4", "valkey_version": "9.1.0", "redis_mode": "standalone", "role": "master"}
KEPT = {"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "always"}
TWO: dict[str, Any] = {"slave0": {"state": "online"}, "slave1": {"state": "online"}}


@pytest.mark.parametrize(
    ("told", "subject"),
    [
        ({"redis_mode": "cluster"}, "redis kind"),
        ({"redis_mode": "sentinel"}, "redis kind"),
        ({"server_mode": "sentinel"}, "redis kind"),
        ({"role": "slave"}, "redis role"),
        ({"valkey_version": "7.0.9"}, "redis version"),
        ({"valkey_version": None, "redis_version": "6.2.14"}, "redis version"),
    ],
)
def test_a_server_that_is_no_place_for_a_gate_fails(told: dict[str, Any], subject: str) -> None:
    """With what it is, and what to do instead."""
    assert list(judge_kind(GOOD)) == []
    [finding] = judge_kind(GOOD | told)
    assert (finding.subject, finding.state) == (subject, "fail")
    assert finding.advice


def test_redis_70_and_valkey_72_will_do() -> None:
    """The oldest that know what the script needs."""
    assert list(judge_kind(GOOD | {"valkey_version": "7.2.0"})) == []
    assert list(judge_kind({"redis_version": "7.0.15", "role": "master"})) == []


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("maxmemory-policy", "allkeys-lru", "fail"),
        ("maxmemory-policy", "volatile-ttl", "fail"),
        ("appendonly", "no", "warn"),
        ("appendfsync", "everysec", "warn"),
    ],
)
def test_a_setting_that_loses_gates_is_named(name: str, value: str, state: str) -> None:
    """An eviction policy fails; what costs a rebuild warns; what could not be read is passed over."""
    assert {f.state for f in judge_configuration(KEPT)} == {"ok"}
    assert list(judge_configuration({})) == []
    found = {f.subject: f.state for f in judge_configuration(KEPT | {name: value})}
    assert found[f"redis {name}"] == state
    assert sorted(found.values()).count("ok") == 2


@pytest.mark.parametrize(
    ("online", "least", "wanted", "sentinels", "states"),
    [
        ({}, "0", 0, False, []),
        (TWO, "1", 0, True, ["warn"]),
        ({}, "0", 0, True, ["warn"]),
        (TWO, "1", 1, True, ["ok"]),
        (TWO, "0", 1, True, ["ok", "warn"]),
        (TWO, "1", 2, True, ["warn"]),
        ({}, "1", 1, False, ["fail"]),
        ({"slave0": {"state": "wait_bgsave"}}, "1", 1, False, ["fail"]),
    ],
)
def test_replicas_are_held_against_what_must_have_a_gate(
    online: dict[str, Any], least: str, wanted: int, sentinels: bool, states: list[str]
) -> None:
    """Too few hold every call; just enough hold every call after a failover; none asked for, a zombie may pass."""
    found = judge_replicas(GOOD | online, {"min-replicas-to-write": least}, wanted, sentinels)
    assert [f.state for f in found] == states


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    with valkey_server() as started:
        yield started


def states(settings: Settings) -> dict[str, str]:
    return {finding.subject: finding.state for finding in check(settings)}


@pytest.mark.integration
def test_a_server_as_we_want_it_has_no_complaint(server: ValkeyServer) -> None:
    """Every finding is ok, and the check has written nothing."""
    assert set(states(Settings(redis_url=server.url)).values()) == {"ok"}


@pytest.mark.integration
def test_a_server_that_refuses_writes_fails(server: ValkeyServer) -> None:
    """It answers, and is of no use: short of replicas."""
    import redis

    with redis.Redis(unix_socket_path=str(server.socket)) as client:
        client.config_set("min-replicas-to-write", "1")
    found = states(Settings(redis_url=server.url, redis_replicas=1))
    assert (found["redis"], found["redis writes"], found["redis replicas"]) == ("ok", "fail", "fail")


@pytest.mark.integration
@pytest.mark.parametrize("password", ["", "?password=wrong"])
def test_a_server_that_wants_another_password_fails(password: str) -> None:
    """That is wrong, not unreachable; the password that was given is not shown."""
    with valkey_server("--requirepass", "hunter2") as server:
        [finding] = check(Settings(redis_url=f"{server.url}{password}"))
    assert (finding.subject, finding.state) == ("redis", "fail")
    assert "refuses us" in finding.text
    assert "wrong" not in finding.text


@pytest.mark.integration
def test_a_cluster_fails_by_name() -> None:
    """And nothing more is said of it."""
    ports = ("--port", str(free_port()), "--cluster-port", str(free_port()))
    with valkey_server("--cluster-enabled", "yes", *ports) as cluster:
        assert states(Settings(redis_url=cluster.url)) == {"redis": "ok", "redis kind": "fail"}


@pytest.mark.integration
def test_sentinels_are_asked_one_by_one() -> None:
    """Each that answers is named, so is one that does not; a wrong name of the primary fails; a Sentinel taken for a
    server is told apart."""
    with replica_set(sentinels=1) as servers:
        port = servers.sentinels[0]
        away = free_port()
        url = servers.url.replace("/gate", f",127.0.0.1:{away}/gate")
        found = states(Settings(redis_url=url, redis_replicas=1))
        assert found[f"redis sentinel 127.0.0.1:{port}"] == "ok"
        assert found[f"redis sentinel 127.0.0.1:{away}"] == "warn"
        assert (found["redis"], found["redis writes"], found["redis replicas"]) == ("ok", "ok", "ok")
        wrong = states(Settings(redis_url=servers.url.replace("/gate", "/other")))
        assert wrong == {f"redis sentinel 127.0.0.1:{port}": "fail", "redis": "unreachable"}
        assert states(Settings(redis_url=f"redis://127.0.0.1:{port}"))["redis kind"] == "fail"
