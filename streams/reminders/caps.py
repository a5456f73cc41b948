"""What a tenant spends on calls in a day, held under its caps: `calls_per_day` and `calls_per_prefix_per_day`.

Counted are calls that are handed to `calls` (each attempt once, however many tries it takes), by UTC day. In calls and
not in money, because what a call costs is known when the carrier's bill is.

The timer stream runs in partitions that know nothing of each other, so each has a slice of the cap: cap / partitions,
whole, the remainder going round by day. Therefore

    together they never call more than the cap: the slices add up to it
    they may call less: a partition that has used up its slice holds back although another has some left. With calls
    spread evenly over many users that is little (users fall on partitions by hash); with all of them by users of one
    partition only cap / partitions are made, and a cap below the number of partitions lets some call nobody that day

What exceeds the cap: a new reminder that is due the same day is REFUSED (`tenant_cap`, `prefix_cap`; told once a day,
not charged). One that was accepted before ends as MISSED with that reason, and an SMS tells what the call would have.

A tenant without caps pays nothing. With caps every call reads and writes one row of its tenant and partition, so that
of timers which were worked out ahead only the first holds (`../runtime/rehearsal.py`); the others are worked out anew.
"""

from __future__ import annotations

from typing import Final, NamedTuple, cast

from schemas.records import SpendState
from streams import ids
from streams.runtime.processor import State
from streams.tenants import Tenant
from streams.topology import DAY_MS


class Share(NamedTuple):
    """This partition, from 0, of how many."""

    partition: int
    partitions: int


WHOLE: Final = Share(0, 1)


def slice_of(cap: int, share: Share, day: int) -> int:
    """What of `cap` this partition may use on `day` (since the epoch): over all partitions they add up to `cap`."""
    each, left = divmod(cap, share.partitions)
    return each + ((share.partition + day) % share.partitions < left)


def used_up(state: State, tenant: Tenant, user: str, share: Share, now_ms: int) -> str | None:
    """Which cap lets the user not be called now: `tenant_cap` or `prefix_cap`."""
    if not _has_caps(tenant):
        return None
    spent = _spent(state, tenant, now_ms)
    cap = tenant.calls_per_day
    if cap is not None and spent["calls"] >= slice_of(cap, share, spent["day"]):
        return "tenant_cap"
    for prefix in _prefixes(tenant, user):
        most = slice_of(tenant.calls_per_prefix_per_day[prefix], share, spent["day"])
        if spent["by_prefix"].get(prefix, 0) >= most:
            return "prefix_cap"
    return None


def spend(state: State, tenant: Tenant, user: str, now_ms: int) -> None:
    """Count a call to the user."""
    if not _has_caps(tenant):
        return
    spent = _spent(state, tenant, now_ms)
    spent["calls"] += 1
    for prefix in _prefixes(tenant, user):
        spent["by_prefix"][prefix] = spent["by_prefix"].get(prefix, 0) + 1
    state.put(_key(tenant), "SpendState", spent)


def _has_caps(tenant: Tenant) -> bool:
    return tenant.calls_per_day is not None or bool(tenant.calls_per_prefix_per_day)


def _prefixes(tenant: Tenant, user: str) -> list[str]:
    number = ids.user_number(user)
    return [prefix for prefix in tenant.calls_per_prefix_per_day if number.startswith(prefix)]


def _spent(state: State, tenant: Tenant, now_ms: int) -> SpendState:
    """Of the present day. A clock that goes back does not begin a day again."""
    found, day = cast("SpendState | None", state.get(_key(tenant))), now_ms // DAY_MS
    return found if found is not None and found["day"] >= day else SpendState(day=day, calls=0, by_prefix={})


def _key(tenant: Tenant) -> str:
    return f"k|{tenant.id}"
