"""The folder of one member's stores: one file a partition of its stage."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from streams.runtime.clients import Codec
from streams.runtime.recall import Recall
from streams.runtime.store import Store
from streams.topology import Stage


class StoreFolder:
    """Opens the stores of `stage` under `state_dir`, which is this member's alone."""

    def __init__(self, stage: Stage, state_dir: Path, codec: Codec) -> None:
        self._folder = state_dir / stage.name
        self._changelog = stage.changelog.name if stage.changelog else ""
        self._codec = codec
        self._rereads = stage.rereads

    def open(self, number: int) -> Store | None:
        """The store of a partition, which must not be open; None when the stage keeps no state. Raises StoreFailed."""
        topic, codec = self._changelog, self._codec
        if not topic:
            return None

        def decode(data: bytes) -> tuple[str, dict[str, Any]]:
            return codec.decode(topic, data, None, 0)

        return Store(
            self._folder / f"{number}.lmdb",
            partial(codec.encode, topic),
            Recall(decode) if self._rereads else decode,
            partial(codec.wake_at, topic),
        )
