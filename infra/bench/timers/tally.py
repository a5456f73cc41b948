"""The oracle: what should have fired against what did. It shares no code with what it judges.

Every timer of a load has an instant at which it must fire; one that was called off has none; one that was moved
while it fired may have fired before as well. A record counts as

    early     written or received before its due instant
    doubled   the same (timer, due instant) again
    strange   of this load, with an instant that is not expected of its timer
    lost      expected, and never seen
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from infra.bench.timers.load import Load
from infra.bench.timers.subject import Fired

EXAMPLES = 3  # of each kind


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of faults, and the lateness (ms) of each first record, in order of receipt."""

    expected: int
    lost: int
    doubled: int
    early: int
    strange: int
    lateness_ms: list[float] = field(repr=False)
    by_tenant_ms: dict[int, list[float]] = field(repr=False)
    received_ms: list[float] = field(repr=False)
    examples: tuple[str, ...] = ()  # some of the faults, for whoever looks for their cause

    @property
    def faults(self) -> int:
        return self.lost + self.doubled + self.early + self.strange

    @property
    def longest_silence_s(self) -> float:
        """Between two records, of those that came."""
        times = sorted(self.received_ms)
        return max((b - a for a, b in pairwise(times)), default=0.0) / 1000


@dataclass(frozen=True, slots=True)
class Expected:
    """Instants (epoch ms) at which one timer must fire, and others at which it may."""

    must: frozenset[int]
    may: frozenset[int] = frozenset()


NEVER = Expected(frozenset())


def tally(load: Load, fired: Iterable[Fired], instead: Mapping[int, Expected] | None = None) -> Tally:
    """`instead`: what is right for timers that were called off or moved; the others must fire when they are due."""
    instead = instead or {}
    seen: dict[tuple[int, int], int] = {}
    early = strange = 0
    lateness, received = [], []
    by_tenant: dict[int, list[float]] = {}
    for record in fired:
        if record.load != load.name:
            continue
        if min(record.received_ms, record.written_ms) < record.due_at:
            early += 1
        right = instead.get(record.timer)
        if right is not None:
            known = record.due_at in right.must or record.due_at in right.may
        else:
            known = record.timer < len(load) and load.due_at[record.timer] == record.due_at
        if not known:
            strange += 1
            continue
        key = (record.timer, record.due_at)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == 1:
            late = record.received_ms - record.due_at
            lateness.append(late)
            received.append(record.received_ms)
            by_tenant.setdefault(load.tenant(record.timer), []).append(late)
    plain = {(timer, due_at) for timer, due_at in enumerate(load.due_at) if timer not in instead}
    must = plain.union((timer, due_at) for timer, right in instead.items() for due_at in right.must)
    lost = sorted(must - seen.keys())
    doubled = sorted(key for key, times in seen.items() if times > 1)
    return Tally(
        expected=len(must),
        lost=len(lost),
        doubled=len(doubled),
        early=early,
        strange=strange,
        lateness_ms=lateness,
        by_tenant_ms=by_tenant,
        received_ms=received,
        examples=tuple(
            f"{kind}: timer {timer} of {load.user_name(timer)}, due {due_at}"
            for kind, keys in (("lost", lost), ("doubled", doubled))
            for timer, due_at in keys[:EXAMPLES]
        ),
    )


def percentile(values: Iterable[float], share: float) -> float:
    """Nearest rank: the smallest value that at least `share` (0..1) of them do not exceed. ValueError if empty."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def tenants_spread(by_tenant_ms: Mapping[int, Iterable[float]]) -> float:
    """The worst tenant's p99 over the best one's: 1 is fair."""
    p99 = [percentile(values, 0.99) for values in by_tenant_ms.values()]
    return max(p99) / max(min(p99), 0.001)
