"""Counters that live in the state of partitions, added up over those that this process has.

A commit only hands over a record; sums over partitions are made when the page is asked for, because a burst may move
a thousand tenants in one transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any


class Ledger:
    """(partition, name) → counters, as the last commit left them. One for all members of a process; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tallies: dict[tuple[int, str], Mapping[str, Any]] = {}
        self._shown: set[str] = set()

    def write(self, partition: int, name: str, tally: Mapping[str, Any]) -> None:
        """The counters of `name` in a partition, from now on."""
        with self._lock:
            self._tallies[partition, name] = tally

    def close(self, partition: int) -> None:
        """Another member keeps this partition's counters."""
        with self._lock:
            self._tallies = {place: t for place, t in self._tallies.items() if place[0] != partition}

    def sums(self, fields: tuple[str, ...]) -> dict[str, dict[str, int]]:
        """By name; what was there at the last call and is not any more comes to nothing."""
        sums: dict[str, dict[str, int]] = {}
        with self._lock:
            for (_, name), tally in self._tallies.items():
                total = sums.setdefault(name, dict.fromkeys(fields, 0))
                for field in fields:
                    total[field] += tally[field]
        for name in self._shown - sums.keys():
            sums[name] = dict.fromkeys(fields, 0)
        self._shown |= sums.keys()
        return sums
