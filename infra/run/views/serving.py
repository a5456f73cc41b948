"""The HTTP server of a worker: uvicorn on the event loop that feeds the tables."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

STOP_S = 10.0


class Serving:
    """Answers on `listener` from when it is made, on the running loop."""

    def __init__(self, app: Any, listener: socket.socket) -> None:
        import uvicorn

        class Server(uvicorn.Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield  # whoever runs the process has them

        config = uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,  # paths hold phone numbers
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        self._server = Server(config)
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[listener]))

    def check(self) -> None:
        """Raises what has ended it."""
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Finish what is being answered, for STOP_S at most; raises nothing."""
        self._server.should_exit = True
        await asyncio.wait([self._task], timeout=STOP_S)
        if self._task.done() and not self._task.cancelled():
            self._task.exception()  # `check` has told of it, or nobody wants to know any more
