"""The timer stream's books, as metrics: where every accepted occurrence stands (streams/reminders/conservation.py).

A commit only hands over a record; sums over partitions are made when the page is asked for, because a burst may move
a thousand tenants in one transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from streams.metrics import Metrics

CLASSES = ("accepted", "pending", "fired", "cancelled", "expired", "dead", "open")
REFUSED = "refused"


class Books:
    """One for all members of a process; thread-safe."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._lock = threading.Lock()
        self._tallies: dict[tuple[int, str], Mapping[str, Any]] = {}  # (partition, tenant)
        self._shown: set[str] = set()

    def write(self, partition: int, tenant: str, tally: Mapping[str, Any]) -> None:
        """The tally of a tenant in a partition, from now on."""
        with self._lock:
            self._tallies[partition, tenant] = tally

    def close(self, partition: int) -> None:
        """Another member keeps this partition's books."""
        with self._lock:
            self._tallies = {place: t for place, t in self._tallies.items() if place[0] != partition}

    def show(self) -> None:
        """Set the gauges."""
        sums: dict[str, dict[str, int]] = {}
        with self._lock:
            for (_, tenant), tally in self._tallies.items():
                total = sums.setdefault(tenant, dict.fromkeys((*CLASSES, REFUSED), 0))
                for name in (*CLASSES, REFUSED):
                    total[name] += tally[name]
        for tenant in self._shown - sums.keys():
            sums[tenant] = dict.fromkeys((*CLASSES, REFUSED), 0)
        self._shown |= sums.keys()
        for tenant, total in sums.items():
            lost = total["accepted"]
            for name in CLASSES:
                self._metrics.set("ringback_reminders", total[name], tenant=tenant, **{"class": name})
                lost -= total[name] if name not in ("accepted", "open") else 0
            self._metrics.set("ringback_reminders_unaccounted", lost, tenant=tenant)
            self._metrics.set("ringback_sms_refused", total[REFUSED], tenant=tenant)
