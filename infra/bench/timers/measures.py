"""The rows of the table: what is measured, its bar and its goal. Data; the works fill in the figures by key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Better = Literal["less", "more"]


@dataclass(frozen=True, slots=True)
class Measure:
    """`bar` is what must hold, `goal` what we want; None: only shown. Both are met by equality.

    `beside`: the bar is the figure of this peer in the same run, if it ran, and `bar` otherwise.
    """

    key: str
    title: str
    unit: str
    better: Better = "less"
    bar: float | None = None
    goal: float | None = None
    beside: str | None = None

    def meets(self, value: float, limit: float | None) -> bool:
        if limit is None:
            return True
        return value <= limit if self.better == "less" else value >= limit


KSTREAMS = "kstreams"

ONE_NODE: tuple[Measure, ...] = (
    Measure("enqueue_per_cpu_s", "W1 accepted a CPU second", "1/s", "more", 40_000, 80_000),
    Measure("enqueue_per_s", "W1 accepted a second", "1/s", "more"),
    Measure("ram_per_pending_bytes", "W1 RAM a pending (anonymous)", "B", "less", 64, 16),
    Measure("mapped_per_pending_bytes", "W1 mapped file pages a pending", "B"),
    Measure("disk_per_pending_bytes", "W1 disk a pending", "B"),
    Measure("steady_p50_ms", "W2 lateness p50", "ms"),
    Measure("steady_p99_ms", "W2 lateness p99", "ms", "less", 39, 20, KSTREAMS),
    Measure("trickle_p50_ms", "W2 at a light load p50", "ms"),
    Measure("trickle_p99_ms", "W2 at a light load p99", "ms", "less", 12, 6),
    Measure("fire_per_cpu_s", "W2 fired a CPU second", "1/s", "more"),
    Measure("burst_drain_s", "W3 same millisecond, drained", "s", "less", 2, 0.7),
    Measure("burst_tenants_spread", "W3 tenants' p99, worst to best", "x", "less", 1.5),
    Measure("second_drain_s", "W3 within a second, drained", "s"),
    Measure("called_off_but_fired", "W4 fired after its cancel", "", "less", 0),
    Measure("moved_p99_ms", "W4 lateness p99", "ms"),
    Measure("silence_s", "W5 silence after kill -9, p50", "s"),
    Measure("silence_max_s", "W5 silence after kill -9, worst", "s", "less", 3, 1),
    Measure("silence_wiped_max_s", "W5 the same, local state lost", "s"),
    Measure("clean_first_fire_s", "W6 start, store kept, first due fire", "s", "less", 2, 1),
    Measure("killed_first_fire_s", "W6 the same after kill -9", "s", "less", 2, 1),
    Measure("lost_state_first_fire_s", "W6 state lost, first due fire", "s", "less", 8, 4),
    Measure("lost_state_all_fired_s", "W6 restore of all from Kafka alone", "s", "less", 8, 4),
    Measure("cold_ram_mb", "W6 RAM when idle (anonymous)", "MB", "less", 100),
    Measure("cold_mapped_mb", "W6 mapped file pages when idle", "MB"),
    Measure("cold_cpu_percent", "W6 CPU when idle", "% of a core", "less", 1),
    Measure("ready_s", "W7 from one member to three, all ready", "s"),
    Measure("scaled_p99_ms", "W7 lateness p99 meanwhile", "ms"),
    Measure("scaled_max_ms", "W7 longest lateness meanwhile", "ms"),
    Measure("clean_leave_s", "W7 takeover, one stopped for good", "s", "less", 10, 7),
    Measure("takeover_s", "W7 takeover, one killed for good", "s", "less", 10, 7),
)
# What three brokers on the same machine are asked for; all else only shown.
THREE_NODES: dict[str, tuple[float, float]] = {"steady_p99_ms": (150, 100)}
TIMED = frozenset({"s", "ms", "1/s"})
# A killed member of the newer protocol is waited for until its session ends.
CONSUMER_PROTOCOL: dict[str, tuple[float, float]] = {"silence_max_s": (10, 7)}


def measures(nodes: int = 1, protocol: str = "classic") -> list[Measure]:
    """The rows in force for a cluster of 1 or 3 nodes and a group protocol."""
    return [_in_force(row, nodes, protocol) for row in ONE_NODE]


def _in_force(row: Measure, nodes: int, protocol: str) -> Measure:
    if nodes > 1 and row.unit in TIMED:
        bar, goal = THREE_NODES.get(row.key, (None, None))
        return replace(row, bar=bar, goal=goal, beside=None)
    if protocol == "consumer" and row.key in CONSUMER_PROTOCOL:
        bar, goal = CONSUMER_PROTOCOL[row.key]
        return replace(row, bar=bar, goal=goal)
    return row
