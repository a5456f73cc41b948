"""A few numbers about a partition's state that ride on the offsets of each commit, as their metadata.

A timer stream's lag cannot be read off offsets, and when its members are down nobody is there to ask. So each
transaction leaves, beside the offsets that it commits and as atomically as these, when the next timer is due and what
the counters come to. Whoever may read the group's offsets (connectors/lag) knows then how late the stream is, also long
after its last member died. It costs no record and no request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Note:
    """`at`: when it was written. `next_wake_at`: the next timer, None when there is none (both epoch ms).

    `sums`: the counters of the partition's state (`State.add`), summed up by their field.
    """

    at: int
    next_wake_at: int | None
    sums: Mapping[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """As it is committed. The broker takes 4,096 bytes (offset.metadata.max.bytes)."""
        return json.dumps(
            {"at": self.at, "next_wake_at": self.next_wake_at, "sums": dict(self.sums)}, separators=(",", ":")
        )

    @classmethod
    def read(cls, text: str) -> Note | None:
        """None for what is no note of ours: metadata is free text, and older releases wrote none."""
        try:
            found = json.loads(text)
            wake = found["next_wake_at"]
            return cls(int(found["at"]), None if wake is None else int(wake), dict(found["sums"]))
        except (ValueError, TypeError, KeyError):
            return None
