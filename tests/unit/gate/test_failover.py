"""The primary is lost, and another takes its place: real servers, real Sentinels."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from connectors.gate import RedisGate
from streams.once.gate import Fenced, GateEntry, GateUnavailable, NotReady, Passed, Taken
from tests.behaviour.gate.worlds import filled
from tests.unit.gate.replica_set import ReplicaSet, replica_set

pytestmark = [pytest.mark.anyio, pytest.mark.integration]

SCOPE = "calls:3"
TIMEOUT_S = 1.0
FORMER, PRESENT = 1, 2  # epochs
KEYS = [f"r-{number}|1795000000000|1|1" for number in range(40)]


class Zombie:
    """The former owner: has claimed KEYS, and goes on asking for each until it is told something final.

    It posts what it passed for, and nothing else; it does not know that there is another owner.
    """

    def __init__(self, gate: RedisGate, posted: Counter[str]) -> None:
        self._gate = gate
        self._posted = posted
        self._open = list(KEYS)
        self.slowest_s = 0.0
        self.stopped = asyncio.Event()

    async def ask(self, key: str) -> None:
        began = time.monotonic()
        try:
            verdict = await self._gate.enter(SCOPE, key, FORMER, str(FORMER), None, None)
        except GateUnavailable:
            verdict = None
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        if isinstance(verdict, Passed):
            self._posted[key] += 1
        if isinstance(verdict, Passed | Taken | Fenced):
            self._open.remove(key)

    async def work(self) -> None:
        """Ask for whatever is open, again and again."""
        while self._open and not self.stopped.is_set():
            for key in list(self._open):
                await self.ask(key)
            await asyncio.sleep(0.01)


@pytest.fixture
async def gates(servers: ReplicaSet) -> AsyncIterator[tuple[RedisGate, RedisGate]]:
    """The former owner's gate, which waits for no replica, and the present owner's, which does."""
    former = RedisGate.from_url(servers.url, TIMEOUT_S)
    present = RedisGate.from_url(servers.url, TIMEOUT_S, replicas=1)
    yield former, present
    await former.close()
    await present.close()


async def take_over(gate: RedisGate) -> dict[str, GateEntry] | None:
    """Fence first; what stood there, or None for a server that must be filled. Asked again until it answers."""
    deadline = time.monotonic() + 20
    while True:
        try:
            stood = await gate.fence(SCOPE, PRESENT, KEYS)
            return stood if await gate.ready(SCOPE) else None
        except GateUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


async def test_after_a_failover_with_lost_gates_nobody_enters_twice(
    servers: ReplicaSet, gates: tuple[RedisGate, RedisGate]
) -> None:
    """The primary dies with gates that no replica has, a zombie has posted by them and asks on through all of it, and
    the new owner enters whatever the promoted server shows as ungated: at most one entry a K.

    The promoted server has our ready mark. What keeps the new owner out is its generation.
    """
    posted: Counter[str] = Counter()
    former, present = gates
    zombie = Zombie(former, posted)
    await filled(former, SCOPE)
    before = await former.generation()
    for key in KEYS[:10]:
        await zombie.ask(key)
    with servers.ask(0) as primary:
        assert primary.wait(2, 5_000) == 2
    with servers.servers[1].frozen(), servers.servers[2].frozen():
        for key in KEYS[10:20]:
            await zombie.ask(key)
        assert set(posted) == set(KEYS[:20]), "the test needs gates that only the primary has"
        servers.servers[0].kill()
    asking = asyncio.create_task(zombie.work())
    replacing = asyncio.create_task(asyncio.to_thread(servers.replace))

    stood = await take_over(present)
    if stood is None:
        generation = await present.generation()
        assert generation != before
        assert await present.enter(SCOPE, "new|1|1|1", PRESENT, "2", None, None) == NotReady(generation)
        # By the log: whatever was claimed and has no end may have been posted.
        await filled(present, SCOPE, [GateEntry(key, PRESENT, gated=True, finished=False) for key in KEYS])
    for key in KEYS:
        if stood is not None and not (key in stood and stood[key].gated):
            verdict = await present.enter(SCOPE, key, PRESENT, str(PRESENT), None, None)
            posted[key] += isinstance(verdict, Passed)
    assert await present.enter(SCOPE, "new|1|1|1", PRESENT, "2", None, None) == Passed()

    await replacing
    await asyncio.wait_for(asking, 10)
    assert max(posted.values()) == 1
    assert set(posted) == set(KEYS[:20]), "the zombie passed nobody after its server was gone"
    assert zombie.slowest_s < 1.5 * TIMEOUT_S + 0.5, "no question outlives its deadline"


async def test_a_primary_that_was_replaced_without_knowing_it_lets_nobody_in(
    servers: ReplicaSet, gates: tuple[RedisGate, RedisGate]
) -> None:
    """It stood still, was replaced, and goes on in its old generation with its ready mark: its replicas have left it,
    so a zombie that is still connected to it waits for them in vain, until it is told that it is a replica now."""
    path = str(servers.servers[0].socket)
    zombie = RedisGate.from_url(f"unix://{path}", TIMEOUT_S, replicas=1)
    await filled(zombie, SCOPE)
    assert await zombie.enter(SCOPE, KEYS[0], FORMER, "1", None, None) == Passed()
    with servers.servers[0].frozen():
        servers.replace()
        assert await take_over(gates[1]) is None
        await filled(gates[1], SCOPE, [GateEntry(KEYS[0], PRESENT, gated=True, finished=False)])
        assert await gates[1].enter(SCOPE, KEYS[1], PRESENT, "2", None, None) == Passed()
        # Asked before it thaws: it is the first thing that the old primary will do.
        first = asyncio.create_task(zombie.enter(SCOPE, KEYS[1], FORMER, "1", None, None))
        await asyncio.sleep(0)
    reasons = []
    asked = first
    while "read_only" not in reasons:
        with pytest.raises(GateUnavailable) as caught:
            await asked
        reasons.append(caught.value.reason)
        asked = asyncio.create_task(zombie.enter(SCOPE, KEYS[1], FORMER, "1", None, None))
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    assert set(reasons) <= {"replicas", "read_only", "slow", "away"}
    await zombie.close()


@pytest.mark.parametrize("executable", [None], ids=["valkey"])
async def test_servers_and_sentinels_with_passwords(executable: str | None) -> None:
    """Both passwords stand in the URL; without the Sentinels' the primary is not found, and that is said."""
    with replica_set(replicas=1, sentinels=1, executable=executable, auth="hunter2") as servers:
        gate = RedisGate.from_url(servers.url, TIMEOUT_S, replicas=1)
        await filled(gate, SCOPE)
        assert await gate.enter(SCOPE, KEYS[0], 1, "1", None, None) == Passed()
        await gate.close()
        without = RedisGate.from_url(servers.url.partition("?")[0], TIMEOUT_S)
        with pytest.raises(GateUnavailable) as caught:
            await without.generation()
        assert "hunter2" not in str(caught.value)
        await without.close()
