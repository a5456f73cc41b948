"""Real servers, Valkey's and Redis's: what a test shows of one it shows of the other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.behaviour.gate.valkey_server import ValkeyServer, valkey_server
from tests.unit.gate.replica_set import ReplicaSet, replica_set

SERVERS = [
    pytest.param(None, id="valkey"),
    pytest.param("redis-server", id="redis", marks=pytest.mark.needs("redis-server")),
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=SERVERS)
def executable(request: pytest.FixtureRequest) -> str | None:
    """The server's executable; None for the valkey-server of the wheel."""
    return shutil.which(request.param) if request.param else None


@pytest.fixture
def valkey(executable: str | None) -> Iterator[ValkeyServer]:
    with valkey_server(executable=executable) as server:
        yield server


@pytest.fixture
def servers(executable: str | None) -> Iterator[ReplicaSet]:
    with replica_set(executable=executable) as found:
        yield found
