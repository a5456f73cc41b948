"""What partitions keep count of in their state, as metrics: occurrences, charges, attempts that are UNKNOWN.

Figures that survive restarts and takeovers, because they are part of the transactions that they count.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from connectors.metrics.ledger import Ledger
from streams.metrics import Metrics

CLASSES = ("accepted", "pending", "fired", "cancelled", "expired", "dead", "open")
REFUSED = "refused"
OWED = {"sms": "sms_charged", "answered": "answered"}  # kind of charge → field of TallyState
MILLIONTHS = {"sms": "sms_millionths", "answered": "answered_millionths"}  # kind → field of ChargeTallyState
KINDS = {"calls": "call", "replies": "message"}  # stage → kind of attempt


class Books:
    """Of all members of a process; thread-safe. `now_ms`: epoch ms, for ages."""

    def __init__(self, metrics: Metrics, now_ms: Callable[[], int] = lambda: 0) -> None:
        self._metrics = metrics
        self._now_ms = now_ms
        self.occurrences = Ledger()
        self.charges = Ledger()
        self._lock = threading.Lock()
        self._unknown: dict[str, dict[tuple[int, str], int]] = {}  # kind → (partition, key) → since, epoch ms

    def open(self, stage: str) -> None:
        """A member of `stage` is here: what it has none of is shown as none."""
        if stage in KINDS:
            with self._lock:
                self._unknown.setdefault(KINDS[stage], {})

    def unknown(self, stage: str, partition: int, key: str, since_ms: int | None) -> None:
        """An attempt of `stage` is UNKNOWN since then, or no more."""
        with self._lock:
            attempts = self._unknown.setdefault(KINDS[stage], {})
            if since_ms is None:
                attempts.pop((partition, key), None)
            else:
                attempts[partition, key] = since_ms

    def close(self, stage: str, partition: int) -> None:
        """Another member keeps these books."""
        if stage == "reminders":
            self.occurrences.close(partition)
        elif stage == "billing":
            self.charges.close(partition)
        elif stage in KINDS:
            with self._lock:
                attempts = self._unknown.get(KINDS[stage], {})
                self._unknown[KINDS[stage]] = {p: at for p, at in attempts.items() if p[0] != partition}

    def show(self) -> None:
        """Set the gauges."""
        self._show_occurrences()
        self._show_charges()
        with self._lock:
            oldest = {kind: (len(a), min(a.values(), default=None)) for kind, a in self._unknown.items()}
        for kind, (count, since_ms) in oldest.items():
            age_s = 0.0 if since_ms is None else max(0, self._now_ms() - since_ms) / 1000
            self._metrics.set("ringback_unknown_open", count, kind=kind)
            self._metrics.set("ringback_unknown_oldest_age_seconds", age_s, kind=kind)

    def _show_occurrences(self) -> None:
        for tenant, total in self.occurrences.sums((*CLASSES, REFUSED, *OWED.values())).items():
            lost = total["accepted"]
            for name in CLASSES:
                self._metrics.set("ringback_reminders", total[name], tenant=tenant, **{"class": name})
                lost -= total[name] if name not in ("accepted", "open") else 0
            self._metrics.set("ringback_reminders_unaccounted", lost, tenant=tenant)
            self._metrics.set("ringback_sms_refused", total[REFUSED], tenant=tenant)
            for kind, field in OWED.items():
                self._metrics.set("ringback_charges_owed", total[field], tenant=tenant, kind=kind)

    def _show_charges(self) -> None:
        made: dict[tuple[str, str], int] = {}
        for name, total in self.charges.sums((*MILLIONTHS, *MILLIONTHS.values())).items():
            tenant, _, currency = name.partition("|")
            for kind, field in MILLIONTHS.items():
                made[tenant, kind] = made.get((tenant, kind), 0) + total[kind]
                amount = total[field] / 1_000_000
                self._metrics.set("ringback_charged", amount, tenant=tenant, kind=kind, currency=currency)
        for (tenant, kind), count in made.items():
            self._metrics.set("ringback_charges", count, tenant=tenant, kind=kind)
