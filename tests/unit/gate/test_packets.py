"""Scripts in one packet: each is answered for itself."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from connectors.gate import RedisGate
from connectors.gate.packets import MOST
from streams.once.gate import Passed, Taken
from tests.behaviour.gate.valkey_server import ValkeyServer
from tests.behaviour.gate.worlds import filled

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


async def test_what_is_asked_at_once_is_one_packet(valkey: ValkeyServer) -> None:
    """One connection does for a packet of them, and one more for the next packet."""
    gate = RedisGate.from_url(valkey.url)
    client = Redis(unix_socket_path=str(valkey.socket))
    await filled(gate, "s")
    before = int((await client.info("stats"))["total_connections_received"])
    verdicts = await asyncio.gather(*(gate.enter("s", f"k{n}", 1, "t", None, None) for n in range(2 * MOST)))
    after = int((await client.info("stats"))["total_connections_received"])
    assert verdicts == [Passed()] * 2 * MOST
    assert after - before <= 1
    await client.aclose()
    await gate.close()


async def test_each_is_answered_for_itself(valkey: ValkeyServer) -> None:
    """An error of one script is its own; a script that the server has forgotten is loaded, and none runs twice."""
    gate = RedisGate.from_url(valkey.url)
    client = Redis(unix_socket_path=str(valkey.socket))
    await filled(gate, "s")
    await gate.enter("s", "taken", 1, "other", None, None)
    await client.set("ringback:gate:wrong", "a string")
    await client.script_flush()
    first, wrong, taken = await asyncio.gather(
        gate.enter("s", "first", 1, "t", None, None),
        gate.enter("s", "wrong", 1, "t", None, None),
        gate.enter("s", "taken", 1, "t", None, None),
        return_exceptions=True,
    )
    assert first == Passed()
    assert isinstance(wrong, ResponseError)
    assert taken == Taken()
    await client.aclose()
    await gate.close()
