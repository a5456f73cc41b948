"""Small clusters, written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.lag.snapshot import Broker, GroupState, Snapshot, TopicState

AT_MS = 1_790_000_000_000


def topic(
    name: str,
    end: Sequence[int | None],
    stable: Sequence[int | None] | None = None,
    start: Sequence[int | None] | None = None,
) -> TopicState:
    count = len(end)
    return TopicState(
        name,
        [1] * count,
        [1] * count,
        [1] * count,
        [1] * count,
        list(start) if start is not None else [0] * count,
        list(end),
        list(stable if stable is not None else end),
    )


def group(name: str, committed: Mapping[str, Sequence[int | None]], members: int | None = 1) -> GroupState:
    return GroupState(name, "stable", "classic", members, set(), dict(committed))


def snapshot(topics: Sequence[TopicState], groups: Sequence[GroupState] = ()) -> Snapshot:
    return Snapshot(AT_MS, [Broker(1, "broker:9092")], {each.name: each for each in topics}, list(groups))
