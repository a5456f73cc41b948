"""The simulator as a running server: its doors (listening sockets), outages, start and stop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.simulator.admin import Admin, AdminError
from infra.simulator.api import Api
from infra.simulator.connections import Connections
from infra.simulator.exchange import Exchange
from infra.simulator.replies import RefusedError
from infra.simulator.script import Script
from infra.simulator.settings import Settings


class _Door(uvicorn.Server):
    """uvicorn as a part of a program: it says when it listens and leaves the signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Simulator:
    """`async with Simulator(settings) as simulator:` listens until the block ends."""

    def __init__(self, settings: Settings, script: Script | None = None) -> None:
        self._settings = settings
        self._script = script
        self._connections = Connections()
        self._admin_connections = Connections()
        self._door: tuple[_Door, asyncio.Task[None]] | None = None
        self._admin_door: tuple[_Door, asyncio.Task[None]] | None = None
        self._reopening: asyncio.TimerHandle | None = None
        self._port = settings.port
        self._admin_port: int | None = None
        self._changing = asyncio.Lock()
        self.exchange: Exchange

    @property
    def base_url(self) -> str:
        """What TWILIO_BASE_URL is set to."""
        return f"http://{_host(self._settings.host)}:{self._port}"

    @property
    def admin_url(self) -> str:
        """Where /simulator/… answers, during an outage too if there is an admin port."""
        port = self._port if self._admin_port is None else self._admin_port
        return f"http://{_host(self._settings.host)}:{port}"

    @property
    def admin_is_apart(self) -> bool:
        return self._admin_port is not None

    async def __aenter__(self) -> Self:
        self.exchange = Exchange(self._settings, self._script)
        admin = Admin(self.exchange, self)
        self._app = _application(self.exchange, Api(self.exchange, self._connections), admin)
        try:
            self._port, self._door = await self._open(self._connections, self._port)
            if self._settings.admin_port is not None:
                self._admin_port, self._admin_door = await self._open(
                    self._admin_connections, self._settings.admin_port
                )
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def pause(self, for_s: float | None = None) -> None:
        """An outage: connections are cut and new ones refused, while calls already placed go on."""
        async with self._changing:
            door, self._door = self._door, None
            if door is not None:
                self.exchange.truth.write("outage.began", for_s=for_s)
                self._connections.reset_all()
                await _shut(door)
            if for_s is not None:
                if self._reopening is not None:
                    self._reopening.cancel()
                self._reopening = asyncio.get_running_loop().call_later(
                    for_s, lambda: self.exchange.tasks.start(self.resume())
                )

    async def resume(self) -> None:
        """The end of an outage: the same port listens again."""
        async with self._changing:
            if self._reopening is not None:
                self._reopening.cancel()
                self._reopening = None
            if self._door is None:
                _, self._door = await self._open(self._connections, self._port)
                self.exchange.truth.write("outage.ended")

    async def _open(
        self, connections: Connections, port: int
    ) -> tuple[int, tuple[_Door, asyncio.Task[None]]]:
        sock = _listening_socket(self._settings.host, port)
        config = uvicorn.Config(
            self._app,
            http=connections.protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            backlog=1024,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
        door = _Door(config)
        task = asyncio.get_running_loop().create_task(door.serve([sock]))
        listening = asyncio.get_running_loop().create_task(door.listening.wait())
        await asyncio.wait([task, listening], return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            listening.cancel()
            sock.close()
            await task
        return sock.getsockname()[1], (door, task)

    async def _close(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        await self.exchange.close()
        for connections, door in (
            (self._connections, self._door),
            (self._admin_connections, self._admin_door),
        ):
            connections.reset_all()
            if door is not None:
                await _shut(door)


def _listening_socket(host: str, port: int) -> socket.socket:
    """Raises OSError when the port is taken.

    The protocol is named because asyncio sets TCP_NODELAY only on sockets that say they are TCP, and with 0
    they do not: each answer of two writes then waits 40 ms for a delayed acknowledgement.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _shut(door: tuple[_Door, "asyncio.Task[None]"]) -> None:
    server, task = door
    server.should_exit = True
    await task


def _application(exchange: Exchange, api: Api, admin: Admin) -> Starlette:
    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        exchange.truth.write("api.refused", status=error.status, code=error.code)
        return error.reply()

    async def not_ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return RefusedError(error.status_code, detail=request.url.path).reply()

    async def misused(_request: Request, error: Exception) -> Response:
        return JSONResponse({"error": str(error)}, 400)

    return Starlette(
        routes=[*api.routes(), *admin.routes()],
        exception_handlers={RefusedError: refused, HTTPException: not_ours, AdminError: misused},
    )


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else {"0.0.0.0": "127.0.0.1"}.get(host, host)
