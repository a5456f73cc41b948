"""What only the real server can show: time-outs, refusals, replicas, expiry, the price of a script."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from connectors.gate import RedisGate
from connectors.gate.redis_gate import GATE_TTL_MS
from streams.once.gate import Cap, GateUnavailable, Passed, Say
from tests.behaviour.gate.valkey_server import ValkeyServer, valkey_server
from tests.behaviour.gate.worlds import filled

pytestmark = [pytest.mark.anyio, pytest.mark.integration]

SAY = Say("acme|+14155550101", "buy milk", "en", "acme")


@pytest.fixture
async def gate(valkey: ValkeyServer) -> AsyncIterator[RedisGate]:
    gate = RedisGate.from_url(valkey.url, timeout_s=5)
    yield gate
    await gate.close()


@pytest.fixture
async def client(valkey: ValkeyServer) -> AsyncIterator[Redis]:
    client = Redis(unix_socket_path=str(valkey.socket))
    yield client
    await client.aclose()


async def test_a_server_that_stands_still_is_given_up_once_and_in_time(
    valkey: ValkeyServer,
) -> None:
    """No hidden retry: one time-out, and the claim's age is still known."""
    gate = RedisGate.from_url(valkey.url, timeout_s=1)
    await filled(gate, "s")
    with valkey.frozen():
        began = time.monotonic()
        with pytest.raises(GateUnavailable):
            await gate.enter("s", "k", 1, "t", SAY, None)
        assert time.monotonic() - began < 1.9
    assert await gate.enter("s", "k", 1, "t", SAY, None) == Passed(), "asked again, it is still ours"
    await gate.close()


async def test_out_of_memory_and_read_only_are_unavailable_and_write_nothing(
    gate: RedisGate, client: Redis
) -> None:
    """A server that may not write refuses the whole script up front: no half a gate."""
    await filled(gate, "s")
    for name, value, undo in (("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0")):
        await client.config_set(name, value)
        with pytest.raises(GateUnavailable):
            await gate.enter("s", "k", 1, "t", SAY, None)
        with pytest.raises(GateUnavailable):
            await gate.answer("o", "CA1")
        await client.config_set(name, undo)
    assert await gate.read("k") is None


async def test_our_own_mistake_is_not_taken_for_an_absence(gate: RedisGate, client: Redis) -> None:
    """A key of another type would fail for ever: it is raised, not retried."""
    await client.set("ringback:gate:k", "not a hash")
    with pytest.raises(Exception, match="WRONGTYPE"):
        await gate.finish(["k"])


async def test_the_script_is_loaded_again_when_the_server_forgot_it(gate: RedisGate, client: Redis) -> None:
    """NOSCRIPT means that nothing ran: one more try is sound."""
    await filled(gate, "s")
    await client.script_flush()
    assert await gate.enter("s", "k", 1, "t", SAY, None) == Passed()


async def test_gates_and_answers_outlive_every_zombie_and_then_go(gate: RedisGate, client: Redis) -> None:
    """Eight days for whatever is kept by attempt; scopes stay; a cap's key goes within seconds."""
    await filled(gate, "s")
    await gate.enter("s", "k", 1, "t", SAY, Cap("AC1", 1))
    await gate.fence("s", 1, ["f"])
    await gate.finish(["e"])
    await gate.answer("o", "CA1")
    for key in ("gate:k", "gate:f", "gate:e", "answer:o"):
        assert GATE_TTL_MS - 60_000 < await client.pttl(f"ringback:{key}") <= GATE_TTL_MS
    assert await client.pttl("ringback:scope:s") == -1
    assert 0 < await client.pttl("ringback:cap:AC1") <= 2000


@pytest.fixture
async def replica(client: Redis) -> AsyncIterator[tuple[ValkeyServer, Redis]]:
    """A second server that replicates the first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    await client.config_set("repl-diskless-sync-delay", "0")
    await client.config_set("port", port)
    with valkey_server() as server:
        commands = Redis(unix_socket_path=str(server.socket))
        await commands.replicaof("127.0.0.1", port)
        while (await commands.info("replication"))["master_link_status"] != "up":
            await client.wait(1, 50)
        yield server, commands
        await commands.aclose()


async def test_a_promoted_replica_is_another_generation(
    gate: RedisGate, client: Redis, replica: tuple[ValkeyServer, Redis]
) -> None:
    """The replica has our ready mark and is still not ready when promoted: it may lack the last gates."""
    server, commands = replica
    promoted = RedisGate.from_url(server.url)
    await client.hset("ringback:scope:s", "ready", await gate.generation())
    while await commands.hget("ringback:scope:s", "ready") is None:
        await client.wait(1, 50)
    with pytest.raises(GateUnavailable):
        await promoted.enter("s", "k", 1, "t", SAY, None)
    await commands.replicaof("NO", "ONE")
    assert not await promoted.ready("s")
    await promoted.close()


async def test_a_gate_counts_only_when_its_replica_has_it(
    valkey: ValkeyServer, replica: tuple[ValkeyServer, Redis]
) -> None:
    """With a frozen replica nobody passes, not by asking again on another connection either, where WAIT would
    cover nothing if the script did not write; thawed, the same token passes."""
    gates = [RedisGate.from_url(valkey.url, timeout_s=2, replicas=1) for _ in range(2)]
    await filled(gates[0], "s")
    with replica[0].frozen():
        for gate in gates:
            with pytest.raises(GateUnavailable, match="0 of 1 replicas"):
                await gate.enter("s", "k", 1, "t", SAY, None)
    for gate in gates:
        assert await gate.enter("s", "k", 1, "t", SAY, None) == Passed()
        await gate.close()


async def test_the_generation_check_is_cheap(client: Redis) -> None:
    """INFO of two sections inside a script costs the server less than 60 us."""
    body = "for i = 1, 500 do redis.call('INFO', 'server', 'replication') end"
    began = time.monotonic()
    await client.eval(body, 0)
    with_info_s = time.monotonic() - began
    began = time.monotonic()
    await client.eval("for i = 1, 500 do redis.call('ECHO', 'x') end", 0)
    assert (with_info_s - (time.monotonic() - began)) / 500 < 60e-6 * 3, "three times, for a busy machine"
