"""What the works enqueue: timers with a user, a tenant and a due instant. Deterministic: no clock, no unseeded random.

A timer is a number from 0; everything else follows from it and from its load, so a million of them is one array.
"""

from __future__ import annotations

import random
import struct
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")

USERS = 20_000
TENANTS = 1_000  # divides USERS, so that each tenant has as many users
PAYLOAD_BYTES = 100
OUR_NUMBER = "+13125550000"


def tenant_name(tenant: int) -> str:
    return f"t{tenant:03d}"


@dataclass(frozen=True, slots=True)
class Load:
    """`due_at[i]` is when timer i is due (epoch ms). `name` tells the loads of one run apart.

    Timer i belongs to user `first_user + i % users`, who has had `i // users` timers of this load before it.
    """

    name: str
    due_at: array[int]
    users: int = USERS
    first_user: int = 0

    def __len__(self) -> int:
        return len(self.due_at)

    def first(self, count: int) -> Load:
        """The same load, as if it had only these timers."""
        return replace(self, due_at=self.due_at[:count])

    def user(self, timer: int) -> int:
        return self.first_user + timer % self.users

    def tenant(self, timer: int) -> int:
        return self.user(timer) % TENANTS

    def user_name(self, timer: int) -> str:
        """The user key as the design has it: tenant|E.164."""
        return f"{tenant_name(self.tenant(timer))}|{self.phone(timer)}"

    def phone(self, timer: int) -> str:
        return f"+1212{self.user(timer):07d}"

    def subject(self, timer: int) -> str:
        """40 characters that begin with what identifies the timer; the peers carry the same as their payload."""
        return f"{self.name}:{timer}:".ljust(40, "x")


def parse_subject(subject: str) -> tuple[str, int]:
    """Load name and timer, from `Load.subject`. Raises ValueError for a subject that no load made."""
    name, timer, _ = subject.split(":")
    return name, int(timer)


def payload(load: Load, timer: int) -> bytes:
    """What the peers carry: due instant (8 bytes, big endian), subject, padded to 100 bytes."""
    return (struct.pack(">q", load.due_at[timer]) + load.subject(timer).encode()).ljust(PAYLOAD_BYTES)


def parse_payload(value: bytes) -> tuple[str, int, int]:
    """Load name, timer, due instant, from `payload`."""
    (due_at,) = struct.unpack_from(">q", value)
    return *parse_subject(value[8:].decode().rstrip()), due_at


def spread(name: str, count: int, from_ms: int, over_ms: int, **users: int) -> Load:
    """`count` timers, evenly in [from_ms, from_ms + over_ms), in due order."""
    return Load(name, array("q", (from_ms + i * over_ms // count for i in range(count))), **users)


def scattered(name: str, count: int, from_ms: int, over_ms: int, seed: int, **users: int) -> Load:
    """`count` timers at random in [from_ms, from_ms + over_ms), as reminders come: not in due order."""
    rng = random.Random(seed)
    return Load(name, array("q", (from_ms + rng.randrange(over_ms) for _ in range(count))), **users)


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one shorter."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
