"""How far a partition is fetched: what the consumer tells of it, in a file that can be read without Faust."""

from __future__ import annotations

from typing import NamedTuple


class Fetched(NamedTuple):
    """Offsets and epoch ms. `position`: where fetching goes on; `stable`: the last stable offset as a fetch told it at
    `told_at`; `handed`: up to where batches were handed on. None: not known yet."""

    position: int | None = None
    stable: int | None = None
    told_at: int | None = None
    handed: int | None = None
