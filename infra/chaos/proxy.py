"""A proxy in front of one Kafka listener, on which a test holds requests back or cuts connections.

    client ──▶ proxy.port ──[held?]──▶ target_port    requests: frame by frame, of any number of connections
           ◀───────────────────────────               answers: as they come

A request is four bytes of size, then two that name it, its API key (Kafka protocol guide, "Protocol primitives" and
"API keys"). That is all that is read of it. Behind a held request the others of its connection wait too, as they would
on a slow network; other connections go on. A held request is sent when it is released even if its sender has hung up
meanwhile: such a request on its way is what makes late transaction ends and late markers dangerous.

Everything runs on one thread of the proxy's own. A connection holds one request at a time, so memory is bounded by
connections times the largest request; who sends more is slowed down by TCP.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

HOST = "127.0.0.1"
END_TXN = 26  # how a producer commits or aborts
WRITE_TXN_MARKERS = 27  # what a transaction coordinator sends to the leaders of a transaction's partitions
CALL_TIMEOUT_S = 10.0
_CHUNK_BYTES = 64 * 1024

T = TypeVar("T")


class FaultProxy:
    """Forwards connections to loopback `port` on to loopback `target_port`. Its methods may be called from any thread.

    It works from the moment it is made until `close`; nothing need listen behind it yet.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self._holding: frozenset[int] = frozenset()
        self._held: Counter[int] = Counter()
        self._connections: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self._call(self._listen())

    def hold(self, *api_keys: int) -> None:
        """From now on requests of these kinds do not get through; those of other kinds that were held do."""
        self._call(self._hold(frozenset(api_keys)))

    def release(self) -> None:
        """Send what was held, and hold nothing more."""
        self.hold()

    def held(self, api_key: int) -> int:
        """How many connections wait with such a request now."""
        return self._held[api_key]

    def drop(self) -> None:
        """Cut every connection; what was held on it is lost. New ones are accepted."""
        self._call(self._drop())

    def close(self) -> None:
        """Cut everything and stop listening. Safe to call again."""
        if self._loop.is_closed():
            return
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_TIMEOUT_S)
        self._loop.close()

    # On the proxy's thread

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_TIMEOUT_S)

    async def _listen(self) -> None:
        self._changed = asyncio.Condition()
        self._server = await asyncio.start_server(self._accept, HOST, 0)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _hold(self, api_keys: frozenset[int]) -> None:
        async with self._changed:
            self._holding = api_keys
            self._changed.notify_all()

    async def _drop(self) -> None:
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _close(self) -> None:
        self._server.close()
        await self._drop()
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not the coroutine itself: asyncio would log each cancelled connection as an error.
        connection = self._loop.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(_hang_up, writer)
            try:
                answers, onward = await asyncio.open_connection(HOST, self.target_port)
            except OSError:
                return  # nothing listens behind us: our client sees its connection closed
            stack.push_async_callback(_hang_up, onward)
            pumps = {
                self._loop.create_task(self._send_requests(reader, onward)),
                self._loop.create_task(_send_answers(answers, writer)),
            }
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)

    async def _send_requests(self, reader: asyncio.StreamReader, onward: asyncio.StreamWriter) -> None:
        while True:
            size = await reader.readexactly(4)
            request = await reader.readexactly(int.from_bytes(size, "big"))
            await self._wait_if_held(int.from_bytes(request[:2], "big"))
            onward.write(size + request)
            await onward.drain()

    async def _wait_if_held(self, api_key: int) -> None:
        async with self._changed:
            self._held[api_key] += 1
            try:
                await self._changed.wait_for(lambda: api_key not in self._holding)
            finally:
                self._held[api_key] -= 1


async def _send_answers(answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await answers.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
