"""Slots under the carrier's cap that this owner's claims hold: never more claims than can be posted within a second.

The cap itself is held at the gate, across all members. This bound keeps an owner from claiming what would only grow
too old while it waits there: a claim that is not posted within its two seconds has to be made again.
"""

from __future__ import annotations

from collections import Counter

from streams.once.gate import Cap


class Slots:
    """Claims that are made and not yet posted, by state key, counted by account and by number."""

    def __init__(self) -> None:
        self._caps: dict[str, Cap] = {}
        self._taken: Counter[str] = Counter()

    def __contains__(self, key: str) -> bool:
        return key in self._caps

    def __len__(self) -> int:
        return len(self._caps)

    def held(self) -> list[str]:
        return list(self._caps)

    def take(self, key: str, cap: Cap) -> None:
        """The claim of `key` holds a slot; to take it again changes nothing."""
        self.free(key)
        self._caps[key] = cap
        self._taken.update(name for name, _ in cap.rates)

    def free(self, key: str) -> None:
        cap = self._caps.pop(key, None)
        if cap is not None:
            for name, _ in cap.rates:
                self._taken[name] -= 1
                if not self._taken[name]:
                    del self._taken[name]

    def has_room(self, key: str, cap: Cap) -> bool:
        """Would a claim of `key` be one that can be posted within a second? What it holds already is its own."""
        own = self._caps.get(key)
        held = {name for name, _ in own.rates} if own else set()
        return all(self._taken[name] - (name in held) < max(1, int(rate)) for name, rate in cap.rates)
