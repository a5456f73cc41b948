from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.behaviour.gate.valkey_server import ValkeyServer, valkey_server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    with valkey_server() as server:
        yield server
