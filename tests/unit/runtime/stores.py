"""A store as the loop opens it, and a value to put into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streams.runtime.store import Store
from streams.runtime.wire import Wire

EPOCH = "EpochState"


def open_store(path: Path) -> Store:
    wire = Wire()
    return Store(
        path,
        lambda name, value: wire.encode("x.changelog", name, value),
        lambda data: wire.decode("x.changelog", data, None, 0),
        lambda data: wire.wake_at("x.changelog", data),
    )


def epoch(number: int, wake_at: int | None = None) -> dict[str, Any]:
    return {"epoch": number, "wake_at": wake_at}


WRITTEN = {f"k{n}": epoch(n, 1_000 + n) for n in range(500)}
