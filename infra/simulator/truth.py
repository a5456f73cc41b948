"""The ground truth: what really happened at the carrier, one JSON object a line, written before anyone is told.

Every event has `seq` (from 1, without gaps), `at` (epoch ms, wall clock), `mono_ms` (monotonic, for durations)
and `type`; the other fields depend on the type (README.md lists them). Checkers read it, so it is never lossy:
the file is flushed line by line; what memory forgets is still there.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

Event = dict[str, Any]
_encode = msgspec.json.Encoder().encode


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


class TruthLog:
    """Used from one event loop. `write` does not block beyond one write to the page cache."""

    def __init__(self, path: Path | None, keep: int) -> None:
        self._events: deque[Event] = deque(maxlen=keep)
        self._seq = 0
        self._waiters: set[asyncio.Future[None]] = set()
        self._file = path.open("ab", buffering=0) if path is not None else None

    def write(self, type_: str, **fields: Any) -> Event:
        self._seq += 1
        event = {
            "seq": self._seq,
            "at": wall_ms(),
            "mono_ms": time.monotonic_ns() // 1_000_000,
            "type": type_,
            **fields,
        }
        self._events.append(event)
        if self._file is not None:
            self._file.write(_encode(event) + b"\n")
        if self._waiters:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiters.clear()
        return event

    def after(self, seq: int, type_: str | None = None, limit: int | None = None) -> list[Event]:
        """Events with a higher `seq`, oldest first. A type may end in a dot: `call.` is every type of call."""
        first = self._events[0]["seq"] if self._events else 1
        found: list[Event] = []
        for index in range(max(0, seq - first + 1), len(self._events)):
            event = self._events[index]
            if (
                type_ is None
                or event["type"] == type_
                or (type_[-1:] == "." and event["type"].startswith(type_))
            ):
                found.append(event)
                if limit is not None and len(found) >= limit:
                    break
        return found

    async def wait(
        self, matches: Callable[[Event], bool], timeout_s: float, after: int = 0, type_: str | None = None
    ) -> Event:
        """The first event after `after` that matches, past or to come. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while True:
                for event in self.after(after, type_):
                    if matches(event):
                        return event
                after = self._seq
                await self.changed()

    async def changed(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def forget(self) -> None:
        """Empty the memory, not the file; `seq` goes on."""
        self._events.clear()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def lines(events: list[Event]) -> bytes:
    return b"".join(_encode(event) + b"\n" for event in events)
