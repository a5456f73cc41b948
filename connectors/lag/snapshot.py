"""What a cluster said at one moment: plain numbers, no client library.

Partitions of a topic are numbered from 0 without holes, so each figure is a list by partition number. None: the cluster
did not say (no leader, a broker that is away), which is not the same as 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Place = tuple[str, int]
"""A topic and a partition number."""

NOT_COMMITTED = -1


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker as clients find it; `address` is host:port."""

    id: int
    address: str


@dataclass(slots=True)
class TopicState:
    """One topic. `start` to `end` (exclusive) is what the log holds, `stable` the last stable offset."""

    name: str
    leader: list[int | None]
    replicas: list[int]
    in_sync: list[int]
    preferred: list[int]
    start: list[int | None] = field(default_factory=list)
    end: list[int | None] = field(default_factory=list)
    stable: list[int | None] = field(default_factory=list)

    @property
    def partitions(self) -> int:
        return len(self.leader)


@dataclass(slots=True)
class GroupState:
    """One consumer group.

    `committed`: by topic, the next offset of each partition, NOT_COMMITTED where there is none; None: not known.
    `notes`: the text that was committed with an offset. `members`, `assigned`: None when the group was not described.
    """

    name: str
    state: str
    protocol: str
    members: int | None = None
    assigned: set[Place] | None = None
    committed: Mapping[str, Sequence[int | None]] | None = None
    notes: Mapping[Place, str] = field(default_factory=dict)


@dataclass(slots=True)
class Snapshot:
    """A whole cluster. `at_ms`: our wall clock when the ends were asked for.

    `errors`: answers that did not come, by what they were of; `why`: what was said of the first; `silent`: was there
    one that nobody refused, that just did not come?
    """

    at_ms: int
    brokers: list[Broker]
    topics: dict[str, TopicState]
    groups: list[GroupState]
    errors: dict[str, int] = field(default_factory=dict)
    why: str = ""
    silent: bool = False

    def missed(self, what: str, why: str, silent: bool = False) -> None:
        """Count an answer that did not come."""
        self.errors[what] = self.errors.get(what, 0) + 1
        self.why = self.why or why
        self.silent = self.silent or silent
