"""The worlds that the suite runs in: the double, and a real server, Valkey's or Redis's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from connectors.gate import RedisGate
from streams.once.gate import Gate, GateEntry
from streams.once.memory_gate import MemoryGate, MemoryServer
from tests.behaviour.gate.valkey_server import ValkeyServer


class FullGate(Gate, Protocol):
    """What the gateway uses beyond the protocol of the stages."""

    async def answer(self, occurrence: str, sid: str, generation: str | None = None) -> str: ...


class World(Protocol):
    def client(self) -> FullGate:
        """A further client of the same server."""

    def restart_at_once(self, *, keep: bool) -> None:
        """A new life of the server, with or without its data."""

    async def restart(self, *, keep: bool) -> None:
        """The same, while the event loop runs, so that clients see their connections end."""

    def leave(self) -> None:
        """The server is gone until `restart`."""

    async def close(self) -> None: ...


class MemoryWorld:
    def __init__(self) -> None:
        self._server = MemoryServer()

    def client(self) -> FullGate:
        return MemoryGate(self._server)

    def restart_at_once(self, *, keep: bool) -> None:
        self._server.restart(keep=keep)
        self._server.away = False

    async def restart(self, *, keep: bool) -> None:
        self.restart_at_once(keep=keep)

    def leave(self) -> None:
        self._server.away = True

    async def close(self) -> None: ...


class ValkeyWorld:
    """Each world has a prefix of its own, so that tests share one server without meeting."""

    def __init__(self, server: ValkeyServer, prefix: str) -> None:
        self._server = server
        self._prefix = prefix
        self._clients: list[RedisGate] = []

    def client(self) -> FullGate:
        gate = RedisGate.from_url(self._server.url, prefix=self._prefix)
        self._clients.append(gate)
        return gate

    def restart_at_once(self, *, keep: bool) -> None:
        self._server.kill()
        if not keep:
            self._server.wipe()
        self._server.start()

    async def restart(self, *, keep: bool) -> None:
        await asyncio.to_thread(self.restart_at_once, keep=keep)

    def leave(self) -> None:
        self._server.kill()

    async def close(self) -> None:
        for gate in self._clients:
            await gate.close()


async def filled(gate: Gate, scope: str, entries: Iterable[GateEntry] = ()) -> None:
    """What an owner does before its first call: fill the scope in the present life."""
    assert await gate.fill(scope, await gate.generation(), entries)
