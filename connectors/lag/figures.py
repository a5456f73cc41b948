"""What a group's lag is: a snapshot and what was read, made into figures. Pure.

The first three are those of danielqsj/kafka_exporter and of Kafka's ConsumerGroupCommand:

    current offset   what the group has committed; -1 where it has not, in a topic where it has committed elsewhere
    lag              high watermark less current offset; -1 where the group has not committed
    sums             of the partitions of a topic: of all current offsets, of the lags that are known

The other two look with the eyes of a read-committed member, and count what lies below the last stable offset:

    readable         records that it still has to get
    lag seconds      the age of the first of these, by its timestamp; 0 when there is none

Where a group has not committed, nobody but its members knows where they begin (`auto.offset.reset`), so the two are
absent there. The stages of the map begin at the beginning, so theirs are not, also in topics of theirs where they have
not committed at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connectors.lag.plan import Backlogs
from connectors.lag.snapshot import NOT_COMMITTED, GroupState, Place, Snapshot, TopicState
from streams.topology import STAGES

BEGIN_AT_START: Mapping[str, tuple[str, ...]] = {
    stage.group: tuple(topic.name for topic in stage.reads) for stage in STAGES.values()
}
"""Groups whose members read from the start of a partition that has no commit, and the topics that they read."""


@dataclass(slots=True)
class TopicLag:
    """One group in one topic, by partition. None: not known, so there is no sample.

    `current` and `lag` are empty where the group has never committed in the topic.
    """

    topic: str
    current: list[int | None]
    lag: list[int | None]
    readable: list[int | None]
    seconds: list[float | None]
    exact: list[bool]

    @property
    def current_sum(self) -> int:
        """With -1 for a partition that has no commit: so does the exporter that people know."""
        return sum(offset for offset in self.current if offset is not None)

    @property
    def lag_sum(self) -> int:
        return sum(
            lag
            for lag, offset in zip(self.lag, self.current, strict=True)
            if lag is not None and offset != NOT_COMMITTED
        )


@dataclass(slots=True)
class Lags:
    """All groups: (group, its topics). `estimated`, `unread`: how many partitions of groups are so."""

    groups: list[tuple[GroupState, list[TopicLag]]]
    estimated: int = 0
    unread: int = 0


def standing(group: GroupState, topic: TopicState) -> list[int | None]:
    """Where a read-committed member of the group goes on in each partition; None: not known."""
    committed = (group.committed or {}).get(topic.name)
    ours = topic.name in BEGIN_AT_START.get(group.name, ())
    if committed is None:
        return list(topic.start) if ours and group.committed is not None else [None] * topic.partitions
    places: list[int | None] = []
    for offset, start in zip(committed, topic.start, strict=True):
        if offset is None or start is None:
            places.append(None)
        elif offset == NOT_COMMITTED:
            places.append(start if ours else None)
        else:
            places.append(offset if offset > start else start)  # retention may have overtaken it
    return places


def topics_of(group: GroupState, snapshot: Snapshot) -> Iterator[TopicState]:
    """Those that the group has committed in, or that a stage of the map reads."""
    names = {**dict.fromkeys(group.committed or ()), **dict.fromkeys(BEGIN_AT_START.get(group.name, ()))}
    for name in sorted(names):
        if name in snapshot.topics:
            yield snapshot.topics[name]


def wanted(snapshot: Snapshot) -> dict[Place, tuple[int, set[int]]]:
    """By place: the last stable offset, and where groups stand below it."""
    found: dict[Place, tuple[int, set[int]]] = {}
    for group in snapshot.groups:
        for topic in topics_of(group, snapshot):
            for number, (first, stable) in enumerate(zip(standing(group, topic), topic.stable, strict=True)):
                if first is not None and stable is not None and first < stable:
                    place = (topic.name, number)
                    known = found.get(place)
                    if known is None:
                        found[place] = (stable, {first})
                    else:
                        known[1].add(first)
    return found


def measure(snapshot: Snapshot, backlogs: Backlogs | None) -> Lags:
    """The figures of every group; without `backlogs` (nothing is ever read) only those that offsets tell."""
    lags = Lags([])
    for group in snapshot.groups:
        topics = [
            _topic(group, topic, snapshot.at_ms, backlogs, lags) for topic in topics_of(group, snapshot)
        ]
        lags.groups.append((group, topics))
    return lags


def _topic(
    group: GroupState, topic: TopicState, at_ms: int, backlogs: Backlogs | None, lags: Lags
) -> TopicLag:
    count = topic.partitions
    current = list((group.committed or {}).get(topic.name, ()))
    lag = [
        None if end is None or offset is None else -1 if offset == NOT_COMMITTED else end - offset
        for offset, end in zip(current, topic.end, strict=False)
    ]
    found = TopicLag(topic.name, current, lag, [None] * count, [None] * count, [True] * count)
    if backlogs is None:
        return found
    name, readable, seconds = topic.name, found.readable, found.seconds
    for number, (first, stable) in enumerate(zip(standing(group, topic), topic.stable, strict=True)):
        if first is None or stable is None:
            continue
        if first >= stable:
            readable[number], seconds[number] = 0, 0.0
            continue
        answer = backlogs.answer((name, number), first, stable)
        readable[number] = answer.records
        if not answer.exact:
            found.exact[number] = False
            lags.estimated += 1
        if answer.unread:
            lags.unread += 1
        elif answer.oldest_ms is None:
            seconds[number] = 0.0
        else:
            # A producer's clock may be ahead of ours.
            seconds[number] = max(0, at_ms - answer.oldest_ms) / 1000
    return found
