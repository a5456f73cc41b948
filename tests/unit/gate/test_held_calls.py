"""The calls stage before a real gate: what it does not let through is held, and called once it can be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from connectors.gate import RedisGate
from streams.once.effects import Enter, Unavailable
from streams.once.gate import GateUnavailable
from streams.runtime.freshness import Look
from streams.runtime.processor import Result
from tests.unit.gate.replica_set import ReplicaSet
from tests.unit.streams.calls.line import Line
from tests.unit.streams.once.performing import perform

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


class RealGateLine(Line):
    """A Line whose effects on the gate run at a real server; the clock is advanced by hand all the same."""

    def __init__(self, real: RedisGate) -> None:
        super().__init__()
        self.real = real

    async def work(self, until: Callable[[], bool]) -> None:
        """Let the owner do what it wants, ten times as fast as time goes, until it is so."""
        deadline = time.monotonic() + 20
        while not until():
            assert time.monotonic() < deadline, "it does not come to that"
            moved = self.owner.turn()
            for pending in self.owner.runnable():
                if isinstance(pending.effect, Look):
                    moved = self.owner.run(pending) or moved
                    continue
                self.owner.pending.remove(pending)
                effect = pending.effect
                at_once = replace(effect, delay_ms=0) if isinstance(effect, Enter) else effect
                try:
                    answer = await perform(at_once, self.real, self.carrier, self.clock)
                except GateUnavailable as held:
                    answer = Unavailable(str(held))
                self.owner.inbox.append(Result(effect, answer))
                moved = True
            if not moved:
                self.clock.advance(0.05)
                await asyncio.sleep(0.005)


@pytest.fixture
async def line(servers: ReplicaSet) -> AsyncIterator[RealGateLine]:
    gate = RedisGate.from_url(servers.url, timeout_s=0.4, replicas=1)
    yield RealGateLine(gate)
    await gate.close()


@pytest.mark.parametrize("executable", [None], ids=["valkey"])
async def test_a_call_whose_gate_no_replica_has_is_held_and_then_placed_once(
    line: RealGateLine, servers: ReplicaSet
) -> None:
    """Both replicas stand still: claimed, not placed, tried again, and not given up; they go on: one call."""
    await line.work(lambda: line.owner.opened and not line.owner.pending)
    key = line.due()
    with servers.servers[1].frozen(), servers.servers[2].frozen():
        begun = line.clock.now_ms()
        await line.work(lambda: line.clock.now_ms() - begun > 5_000)
        assert line.rung(key) == 0
        assert line.phase(key) in ("WAITING", "CLAIMED")
        assert line.states(key) == ["CLAIMED"], (
            "claimed before it was known, and not again each time it was held"
        )
    await line.work(lambda: line.rung(key) == 1)
    assert "NOT_SENT" not in line.states(key)


@pytest.mark.parametrize("executable", [None], ids=["valkey"])
async def test_a_call_that_waits_through_a_failover_is_placed_once(
    line: RealGateLine, servers: ReplicaSet
) -> None:
    """The primary dies; the promoted server is another generation. What was claimed ends unsent, its next try goes out
    by a gate of that generation once it is filled, and what had been called before is shut there."""
    before = line.due("r1")
    await line.work(lambda: line.rung(before) == 1)
    servers.servers[0].kill()
    claimed = line.due("r2", user="acme|+14155550299")
    replacing = asyncio.create_task(asyncio.to_thread(servers.replace))
    await line.work(lambda: line.states(claimed) == ["CLAIMED", "NOT_SENT"])
    again = line.due("r2", try_=2, user="acme|+14155550299")
    await line.work(lambda: line.rung(again) == 1)
    await replacing
    assert line.rung(claimed) == 0
    entry = await line.real.read(str(before))
    assert entry is not None
    assert entry.gated
    assert line.rung(before) == 1
