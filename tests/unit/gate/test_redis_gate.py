"""What only the real server can show: time-outs, refusals, replicas, expiry."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeVar

import anyio
import pytest
from redis.asyncio import Redis

from connectors.gate import RedisGate
from connectors.gate.redis_gate import GATE_TTL_MS, MAX_CONNECTIONS
from streams.once.gate import Cap, GateEntry, GateUnavailable, NotReady, Passed, Say, Wait
from tests.behaviour.gate.valkey_server import ValkeyServer, valkey_server
from tests.behaviour.gate.worlds import filled
from tests.unit.gate.replica_set import free_port
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.anyio, pytest.mark.integration]

Answer = TypeVar("Answer")
SAY = Say("acme|+14155550101", "buy milk", "en", "acme")


@pytest.fixture
async def gate(valkey: ValkeyServer) -> AsyncIterator[RedisGate]:
    gate = RedisGate.from_url(valkey.url, timeout_s=5)
    yield gate
    await gate.close()


@pytest.fixture
async def client(valkey: ValkeyServer) -> AsyncIterator[Any]:
    client: Any = Redis(unix_socket_path=str(valkey.socket))
    yield client
    await client.aclose()


async def test_a_server_that_stands_still_is_given_up_once_and_in_time(
    valkey: ValkeyServer,
) -> None:
    """No hidden retry: one time-out, and the claim's age is still known. However many ask at once."""
    gate = RedisGate.from_url(valkey.url, timeout_s=2)
    await filled(gate, "s")
    with valkey.frozen():
        began = time.monotonic()
        asked = [gate.enter("s", f"k{n or ''}", 1, "t", SAY, None) for n in range(3 * MAX_CONNECTIONS)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert {getattr(answer, "reason", answer) for answer in answers} <= {"slow", "away"}
        assert time.monotonic() - began < 3.9, "asked twice it would be four"
    assert await gate.enter("s", "k", 1, "t", SAY, None) == Passed(), "asked again, it is still ours"
    await gate.close()


async def test_more_questions_than_connections_wait_their_turn(gate: RedisGate, client: Any) -> None:
    """A burst of claims is answered, not refused: nobody shuts a door because many want to go through it."""
    await filled(gate, "s")
    await client.execute_command("CLIENT", "PAUSE", 200, "ALL")  # so that all of them are there at once
    asked = [gate.enter("s", f"k{n}", 1, "t", SAY, None) for n in range(10 * MAX_CONNECTIONS)]
    assert set(await asyncio.gather(*asked)) == {Passed()}
    await client.execute_command("CLIENT", "PAUSE", 200, "ALL")
    read = await asyncio.gather(*(gate.read(f"k{n}") for n in range(10 * MAX_CONNECTIONS)))
    assert None not in read


@pytest.mark.parametrize(
    ("setting", "value", "reason"), [("maxmemory", "1", "memory"), ("min-replicas-to-write", "1", "replicas")]
)
async def test_a_server_that_may_not_write_writes_nothing(
    gate: RedisGate, client: Redis, setting: str, value: str, reason: str
) -> None:
    """It refuses the whole script up front: no half a gate, and no answer."""
    await filled(gate, "s")
    await client.config_set(setting, value)
    for asked in (gate.enter("s", "k", 1, "t", SAY, None), gate.answer("o", "CA1"), gate.finish(["k"])):
        with pytest.raises(GateUnavailable) as caught:
            await asked
        assert caught.value.reason == reason
    await client.config_set(setting, "0")
    assert await gate.read("k") is None
    assert await gate.enter("s", "k", 1, "t", SAY, None) == Passed()


async def test_a_server_that_refuses_our_password_or_our_rights(valkey: ValkeyServer, client: Any) -> None:
    """GateUnavailable for each: calls are held until somebody corrects it. The secret is not in the error."""
    await client.execute_command("ACL", "SETUSER", "some", "on", ">right", "~*", "+info", "+hgetall")
    await client.execute_command("ACL", "SETUSER", "default", "resetpass", ">right")
    few = f"{valkey.url}?username=some&password=right"
    for url in (f"{valkey.url}?password=hunter2", valkey.url, few):
        gate = RedisGate.from_url(url)
        with pytest.raises(GateUnavailable) as caught:
            await gate.enter("s", "k", 1, "t", SAY, None)
        assert caught.value.reason == "refused"
        assert "hunter2" not in str(caught.value)
        await gate.close()


async def test_a_server_that_loads_its_file_is_not_taken_for_an_empty_one(
    valkey: ValkeyServer, client: Redis
) -> None:
    """While it loads: GateUnavailable. Then: a new generation, so NotReady, and what was gated is gated."""
    gate = RedisGate.from_url(valkey.url)
    await filled(gate, "s", [GateEntry(f"k{n}", 1, gated=True, finished=False) for n in range(1_000)])
    await client.bgrewriteaof()
    while (await client.info("persistence"))["aof_rewrite_in_progress"]:
        await asyncio.sleep(0.01)
    valkey.stop()
    valkey.begin("--key-load-delay", "300", "--loading-process-events-interval-bytes", "1024")
    reasons = []
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            verdict = await gate.enter("s", "k1", 1, "t", SAY, None)
            break
        except GateUnavailable as held:
            reasons.append(held.reason)
            await asyncio.sleep(0.005)
    assert isinstance(verdict, NotReady)
    assert "loading" in reasons
    assert await gate.read("k1") == GateEntry("k1", 1, gated=True, finished=False)
    await gate.close()


async def test_a_cluster_is_refused_by_name(executable: str | None) -> None:
    """One script's keys would lie on different nodes: it is said what is wrong, and nothing is written."""
    with valkey_server(
        "--cluster-enabled",
        "yes",
        "--port",
        str(free_port()),
        "--cluster-port",
        str(free_port()),
        executable=executable,
    ) as server:
        gate = RedisGate.from_url(server.url)
        client: Any = Redis(unix_socket_path=str(server.socket))
        for slots in (False, True):
            if slots:
                await client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
                while b"cluster_state:ok" not in await client.execute_command("CLUSTER", "INFO"):
                    await asyncio.sleep(0.05)
            with pytest.raises(GateUnavailable, match="this is a Redis Cluster") as caught:
                await gate.enter("s", "k", 1, "t", SAY, Cap("AC1", 1))
            assert caught.value.reason == "cluster"
        await client.aclose()
        await gate.close()


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


async def test_a_clock_that_was_set_back_delays_by_one_spacing(gate: RedisGate, client: Redis) -> None:
    """The server's clock was an hour ahead when the last slots were taken: the next start waits for one spacing of
    each rate at most, not for an hour."""
    await filled(gate, "s")
    cap = Cap("AC1", 10, "+14155550100", 5)
    ahead = int((time.time() + 3600) * 1e6)
    for name, _ in cap.rates:
        await client.set(f"ringback:cap:{name}", ahead)
    verdict = await gate.enter("s", "k", 1, "t", SAY, cap)
    assert isinstance(verdict, Wait)
    assert 100 < verdict.wait_ms <= 200
    began = time.monotonic()
    while isinstance(verdict := await gate.enter("s", "k", 1, "t", SAY, cap), Wait):
        await asyncio.sleep(verdict.wait_ms / 1000)
    assert time.monotonic() - began < 2


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
async def replica(client: Redis, executable: str | None) -> AsyncIterator[tuple[ValkeyServer, Redis]]:
    """A second server that replicates the first."""
    port = free_port()
    await client.config_set("repl-diskless-sync-delay", "0")
    await client.config_set("port", port)
    with valkey_server(executable=executable) as server:
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
    async with AsyncExitStack() as closing:
        gates = [RedisGate.from_url(valkey.url, timeout_s=0.6, replicas=1) for _ in range(2)]
        for gate in gates:
            closing.push_async_callback(gate.close)
        await filled(gates[0], "s")
        with replica[0].frozen():
            for gate in gates:
                for asked in (
                    gate.fence("s", 1, []),
                    gate.enter("s", "k", 1, "t", SAY, None),
                    gate.answer("o", "CA1"),
                ):
                    with pytest.raises(GateUnavailable, match="0 of 1 replicas") as caught:
                        await asked
                    assert caught.value.reason == "replicas"
        for gate in gates:
            assert await once_replicated(partial(gate.enter, "s", "k", 1, "t", SAY, None)) == Passed()
            assert await once_replicated(partial(gate.answer, "o", "CA1")) == "CA1"


async def once_replicated(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """What `ask` says as soon as the replica keeps up again, which on a busy machine takes it a while."""
    with anyio.fail_after(PATIENCE_S):
        while True:
            try:
                return await ask()
            except GateUnavailable as error:
                if error.reason != "replicas":
                    raise
