"""The partition numbers of one member: taken over, held, rewound, given up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

from confluent_kafka import TopicPartition

from streams.runtime.clock import Clock
from streams.runtime.dead_letters import DeadLetterLimit, DeadLetterRate
from streams.runtime.membership import Membership
from streams.runtime.store import Store
from streams.runtime.takeover import Takeovers
from streams.runtime.task import MakeProcessor, Task
from streams.runtime.telemetry import Telemetry

log = logging.getLogger("ringback.loop")


class Partitions:
    """Tasks by partition number. `gained` and `lost` run inside the consumer's poll, on the loop's thread."""

    def __init__(
        self,
        stage: str,
        topics: Sequence[str],
        make_processor: MakeProcessor,
        make_store: Callable[[int], Store | None],
        takeovers: Takeovers,
        *,
        clock: Clock,
        telemetry: Telemetry,
        limit: DeadLetterLimit,
        hold_s: float,
    ) -> None:
        self._stage = stage
        self._input, *_ = topics
        self._topics = set(topics)
        self._make_processor = make_processor
        self._make_store = make_store
        self._takeovers = takeovers
        self._clock = clock
        self._telemetry = telemetry
        self._limit = limit
        self._hold_s = hold_s
        self.tasks: dict[int, Task] = {}

    def __iter__(self) -> Iterator[Task]:
        return iter(list(self.tasks.values()))

    @property
    def held(self) -> dict[str, str]:
        """`stage:partition` -> why it stands still, of each that does; any thread."""
        return {f"{self._stage}:{task.partition}": task.held_because for task in self if task.held_because}

    def gained(self, starts: dict[tuple[str, int], int]) -> None:
        for (topic, number), offset in starts.items():
            task = self.tasks.get(number) or self._new_task(number)
            self.tasks[number] = task
            task.positions[topic] = offset
            # Co-partitioned: a partition number starts when all its topics are here.
            if set(task.positions) == self._topics:
                task.store = self._make_store(number)
                self._takeovers.begin(task)

    def lost(self, partitions: Iterable[tuple[str, int]]) -> None:
        gone: dict[int, set[str]] = {}
        for topic, number in partitions:
            gone.setdefault(number, set()).add(topic)
        for number, topics in gone.items():
            task = self.tasks.pop(number, None)
            if task is None:
                continue
            self._give_up(task)
            # A topic of this number that is still ours waits, where it is, until the others are back.
            kept = {topic: offset for topic, offset in task.positions.items() if topic not in topics}
            if kept:
                self.tasks[number] = self._new_task(number)
                self.tasks[number].positions.update(kept)

    def _give_up(self, task: Task, *, sync: bool = False) -> None:
        self._takeovers.forget(task.partition)
        if task.held_because:
            self._telemetry.held(self._stage, task.partition, False)
        self._telemetry.gone(self._stage, task.partition)
        task.close(sync=sync)

    def _new_task(self, number: int) -> Task:
        return Task(number, self._make_processor(number), None, DeadLetterRate(self._limit))

    def by_tenure(self, tenure: int) -> Task | None:
        """The running task that asked for an effect, if it is still the same stay."""
        return next((task for task in self if task.tenure == tenure and task.opened), None)

    def next_wake_ms(self) -> int | None:
        """The earliest timer of all tasks that run, epoch ms."""
        return min((t.next_wake_ms for t in self if t.runs and t.next_wake_ms is not None), default=None)

    def hold(self, task: Task, membership: Membership, why: str, *, forever: bool = False) -> None:
        """Leave the partition where it is, loudly, and ask again later. Effects that are out still come home."""
        log.error("%s/%d stands still: %s", self._stage, task.partition, why)
        self._telemetry.held(self._stage, task.partition, True)
        task.held_because = why
        task.held_until_s = float("inf") if forever else self._clock.monotonic_s() + self._hold_s
        membership.pause(positions(task))

    def release_held(self, membership: Membership) -> None:
        """Try those again whose time of waiting is over."""
        now_s = self._clock.monotonic_s()
        for task in self:
            if task.held_because and task.held_until_s <= now_s:
                task.held_because = ""
                self._telemetry.held(self._stage, task.partition, False)
                if task.opened:
                    self._read_on(task, membership)

    def throttle(self, membership: Membership) -> None:
        """Read no more of the first topic for those that are crowded, and read on for those that no longer are."""
        for task in self:
            if not task.runs or task.crowded == task.throttled:
                continue
            task.throttled = not task.throttled
            first = TopicPartition(self._input, task.partition, task.positions[self._input])
            if task.throttled:
                membership.pause([first])
            else:
                membership.resume([first])

    @staticmethod
    def _read_on(task: Task, membership: Membership) -> None:
        membership.resume(positions(task))
        task.throttled = False  # all its topics flow again; `throttle` has the next word

    def restored(self) -> list[Task]:
        """Those whose state is complete, and whose processor has not seen it yet."""
        return [task for task in self if task.restored and not task.opened and not task.held_because]

    def rewind(self, membership: Membership) -> None:
        """Read again from what is committed: an abort takes the transaction back, not the consumer."""
        for task in self:
            if task.runs:
                self._read_on(task, membership)

    def take_over_again(self, membership: Membership) -> None:
        """After an unknown result: what the broker has committed decides, for every partition."""
        mine = [position for task in self for position in positions(task)]
        if not mine:
            return
        membership.pause(mine)
        starts = membership.starts(mine)
        self.lost(starts)
        self.gained(starts)

    def close(self) -> None:
        """The member ends: what is in the stores shall outlive the machine too."""
        for task in self:
            self._give_up(task, sync=True)
        self.tasks.clear()


def positions(task: Task) -> list[TopicPartition]:
    """The next offset of each topic of a task, as the client takes them."""
    return [TopicPartition(topic, task.partition, offset) for topic, offset in task.positions.items()]
