"""Answering `Look`s: samples the ends of partitions when somebody asks, and tells when the reader has passed them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from confluent_kafka.admin import AdminClient

from streams.runtime.clock import Clock
from streams.runtime.effects import Arrived
from streams.runtime.freshness import Look, Sample, sample
from streams.runtime.processor import Result
from streams.runtime.task import Task

# A sample that was not passed after this long is taken anew: the answer must be fresh to be worth anything.
SAMPLE_MAX_AGE_S = 0.5


class Waiting(NamedTuple):
    """A look, who asked, and how many samples had been begun by then: only a later one covers it."""

    tenure: int
    asked: int
    look: Look


class Looks:
    """The looks of one loop's tasks. One sample at a time covers all that are waiting."""

    def __init__(self, admin: AdminClient, clock: Clock) -> None:
        self._admin = admin
        self._clock = clock
        self._waiting: dict[int, list[Waiting]] = {}  # by partition
        self._sample: Sample | None = None
        self._asked_s = 0.0
        self._samples = 0  # begun so far; a count, since two things may happen in one millisecond

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    def accept(self, effect: object, task: Task) -> bool:
        """Take the effect if it is a look."""
        if not isinstance(effect, Look):
            return False
        self._waiting.setdefault(task.partition, []).append(Waiting(task.tenure, self._samples, effect))
        return True

    def take(self, tasks: Mapping[int, Task]) -> list[Arrived]:
        """The looks whose sample has been passed, as answers; begins the next sample when one is needed.

        Those of a tenure that is over come back with None: they are late, and what they were for did not happen.
        """
        arrived = self._given_up(tasks)
        if not self._waiting:
            self._sample = None
            return arrived
        if self._sample and self._sample.done():
            arrived += self._answer(self._sample, tasks)
        stale = self._sample is None or (
            self._sample.done() and self._clock.monotonic_s() - self._asked_s > SAMPLE_MAX_AGE_S
        )
        if self._waiting and (stale or self._uncovered()):
            wanted = {
                (topic, number)
                for number, waiting in self._waiting.items()
                for _, _, look in waiting
                for topic in look.topics
            }
            self._samples += 1
            self._asked_s = self._clock.monotonic_s()
            self._sample = sample(self._admin, sorted(wanted), self._clock.now_ms())
        return arrived

    def _given_up(self, tasks: Mapping[int, Task]) -> list[Arrived]:
        arrived: list[Arrived] = []
        for partition, waiting in list(self._waiting.items()):
            task = tasks.get(partition)
            tenure = task.tenure if task else None
            arrived += [
                Arrived(each.tenure, Result(each.look, None)) for each in waiting if each.tenure != tenure
            ]
            self._keep(partition, [each for each in waiting if each.tenure == tenure])
        return arrived

    def _keep(self, partition: int, waiting: list[Waiting]) -> None:
        if waiting:
            self._waiting[partition] = waiting
        else:
            self._waiting.pop(partition, None)

    def _uncovered(self) -> bool:
        """Is somebody waiting whom the present, finished sample came too early for?"""
        if self._sample is None or not self._sample.done():
            return False
        return any(each.asked >= self._samples for waiting in self._waiting.values() for each in waiting)

    def _answer(self, taken: Sample, tasks: Mapping[int, Task]) -> list[Arrived]:
        taken.settle()
        arrived: list[Arrived] = []
        for partition, waiting in list(self._waiting.items()):
            task = tasks[partition]
            left = []
            for each in waiting:
                covered = each.asked < self._samples
                if covered and taken.passed(each.look.topics, partition, task.positions):
                    arrived.append(Arrived(task.tenure, Result(each.look, taken.asked_ms)))
                else:
                    left.append(each)
            self._keep(partition, left)
        return arrived
