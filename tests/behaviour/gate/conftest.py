"""Each test of the suite runs in both worlds."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.behaviour.gate.valkey_server import ValkeyServer, valkey_server
from tests.behaviour.gate.worlds import FullGate, MemoryWorld, ValkeyWorld, World


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[ValkeyServer]:
    with valkey_server() as server:
        yield server


@pytest.fixture(params=["memory", pytest.param("valkey", marks=pytest.mark.integration)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    made: World
    if request.param == "memory":
        made = MemoryWorld()
    else:
        made = ValkeyWorld(request.getfixturevalue("shared_valkey"), f"test-{uuid.uuid4().hex[:8]}:")
    yield made
    await made.close()


@pytest.fixture
def gate(world: World) -> FullGate:
    return world.client()
