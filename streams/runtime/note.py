"""Two numbers about a partition's state that ride on the offsets of each commit, as their metadata.

A timer stream's lag cannot be read off offsets, and when its members are down nobody is there to ask. So each
transaction leaves, beside the offsets that it commits and as atomically as these, when the next timer is due and how
many occurrences wait. Whoever may read the group's offsets (connectors/lag) knows then how late the stream is, also
long after its last member died. It costs no record and no request.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

FOREVER_MS = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Note:
    """`next_wake_at`: the earliest timer, epoch ms, None when there is none. `pending`: the counters of that name
    (`State.add`) of all records of the partition, summed up."""

    next_wake_at: int | None
    pending: int

    def text(self) -> str:
        """As it is committed. The broker takes 4,096 bytes (offset.metadata.max.bytes)."""
        return json.dumps({"next_wake_at": self.next_wake_at, "pending": self.pending}, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> Note | None:
        """None for what is no note of ours: metadata is free text, and other releases may write none."""
        try:
            found = json.loads(text)
            wake = found["next_wake_at"]
            return cls(None if wake is None else int(wake), int(found["pending"]))
        except (ValueError, TypeError, KeyError):
            return None
