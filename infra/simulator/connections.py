"""The open connections of the server, so that one can be cut off in the middle, as networks do."""

import asyncio
import socket
import struct
from typing import Any

from starlette.requests import Request
from uvicorn.protocols.http.auto import AutoHTTPProtocol

Peer = tuple[str, int]


class Connections:
    def __init__(self) -> None:
        self._by_peer: dict[Peer, asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """uvicorn's protocol, which tells us of its transports: ASGI itself gives an app no way to hang up."""
        by_peer = self._by_peer

        class Watched(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # chosen when uvicorn is imported
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.access_log = False  # numbers stand in the URLs; uvicorn's own switch can be undone

            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                if self.client is not None:
                    by_peer[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client is not None:
                    by_peer.pop(self.client, None)
                super().connection_lost(exc)

        return Watched

    def reset(self, request: Request) -> None:
        """Cut the connection of `request` with a TCP reset. Whatever is answered after that goes nowhere."""
        client = request.client
        if client is not None and (client.host, client.port) in self._by_peer:
            _reset(self._by_peer[client.host, client.port])

    def reset_all(self) -> None:
        for transport in list(self._by_peer.values()):
            _reset(transport)


def _reset(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
