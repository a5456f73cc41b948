"""Running a simulator: in the foreground (`serve`), or beside a program in a thread (`start`)."""

import asyncio
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from infra.simulator.client import SimulatorClient
from infra.simulator.script import Script
from infra.simulator.server import Simulator
from infra.simulator.settings import Settings


def serve(
    settings: Settings, script: Script | None = None, on_ready: Callable[[Simulator], None] | None = None
) -> None:
    """Run until SIGINT or SIGTERM. Raises OSError when a port is taken."""

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with Simulator(settings, script) as simulator:
            if on_ready is not None:
                on_ready(simulator)
            await stop.wait()

    asyncio.run(run())


class RunningSimulator:
    """A simulator on a thread and an event loop of its own; `control` speaks to it. Close it."""

    def __init__(self, settings: Settings, script: Script | None = None) -> None:
        self._ready: Future[Simulator] = Future()
        self._stop: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(
            target=self._main, args=(settings, script), name="simulator", daemon=True
        )
        self._thread.start()
        simulator = self._ready.result()
        self.base_url = simulator.base_url
        self.control = SimulatorClient(simulator.admin_url)

    def _main(self, settings: Settings, script: Script | None) -> None:
        async def run() -> None:
            self._stop = asyncio.Event()
            self._loop = asyncio.get_running_loop()
            async with Simulator(settings, script) as simulator:
                self._ready.set_result(simulator)
                await self._stop.wait()

        try:
            asyncio.run(run())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def start(settings: Settings, script: Script | None = None) -> RunningSimulator:
    """Listening when it returns. Raises OSError when a port is taken."""
    return RunningSimulator(settings, script)
