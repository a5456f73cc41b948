"""Each test of the suite runs in all worlds: the double, a Valkey server, a Redis server where there is one."""

from __future__ import annotations

import shutil
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


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[ValkeyServer]:
    with valkey_server(executable=shutil.which("redis-server")) as server:
        yield server


REAL = (pytest.mark.integration,)
WORLDS = [
    "memory",
    pytest.param("valkey", marks=REAL),
    pytest.param("redis", marks=(*REAL, pytest.mark.needs("redis-server"))),
]


@pytest.fixture(params=WORLDS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    made: World
    if request.param == "memory":
        made = MemoryWorld()
    else:
        server = request.getfixturevalue(f"shared_{request.param}")
        made = ValkeyWorld(server, f"test-{uuid.uuid4().hex[:8]}:")
    yield made
    await made.close()


@pytest.fixture
def gate(world: World) -> FullGate:
    return world.client()
