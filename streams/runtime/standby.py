"""Warm standby: a member reads the changelogs of partitions that it does not own, so that a takeover has little to do.

For each of them it keeps the store that it would own, open, and tails the changelog into it, read committed. When the
partition is gained the standby stops reading and hands the open store over; the takeover is then the same as always
and finds a store that lacks only the last moments. When it is lost, the standby opens the owner's store and goes on.
Nothing depends on it: a store that it left behind, or wrong, is judged by its proof like any other.

All of it runs on the loop's thread, in slices. None of them waits for a broker: what is asked is read when the answer
is there. A slice that would come just before a timer is put off, for PUT_OFF_S at most, so that a member whose timers
follow each other without a gap still gives its standby a tenth of its time, and delays a timer by one slice at most.
What goes wrong here ends no member: that standby is dropped and begun again later.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, OffsetSpec

from streams.runtime.clients import Clients
from streams.runtime.clock import Clock
from streams.runtime.errors import Fenced, StoreFailed, describe
from streams.runtime.freshness import SAMPLE_TIMEOUT_S, Sample, sample
from streams.runtime.replay import Identity, Replay, Span, Tail, resume
from streams.runtime.store import Store
from streams.runtime.task import Task
from streams.runtime.telemetry import Telemetry
from streams.topology import Stage

log = logging.getLogger("ringback.standby")

# One slice of work, and how many records it takes between two looks at the clock.
SLICE_S = 0.002
CHUNK = 100
# Until the next slice, when all that has come is read; what comes meanwhile the client fetches ahead.
PAUSE_S = 0.1
# A timer that is due so soon goes first, and this is for how long.
NEAR_S, PUT_OFF_S = 0.005, 0.02
# How often the log is asked for its ends, by which lags are told and stores proven. A new partition waits less.
SURVEY_S, SURVEY_MIN_S = 5.0, 0.5
# After a failure.
AGAIN_S = 10.0


@dataclass(slots=True)
class Survey:
    """What the cluster was asked of the changelog. `absent`: partitions that nobody here reads, `positions`: of the
    standbys; both as they were when it was asked."""

    topic: str
    described: Future[Any]
    cluster: Future[Any]
    lows: Sample
    ends: Sample
    absent: set[int]
    positions: dict[int, int]

    def done(self) -> bool:
        return self.described.done() and self.cluster.done() and self.lows.done() and self.ends.done()

    def found(self) -> tuple[Identity, int, dict[int, Span]]:
        """Which log it is, its number of partitions, and where those begin and end that answered.

        Raises KafkaException.
        """
        topic, cluster = self.described.result(), self.cluster.result()
        self.lows.settle()
        self.ends.settle()
        spans = {
            number: Span(self.lows.ends[name, number], end, self.ends.asked_ms)
            for (name, number), end in self.ends.ends.items()
            if (name, number) in self.lows.ends
        }
        return Identity(str(cluster.cluster_id), str(topic.topic_id)), len(topic.partitions), spans


class Standbys:
    """Those of one member; without `enabled` it only opens stores for their owners."""

    def __init__(
        self,
        stage: Stage,
        clients: Clients,
        admin: AdminClient,
        open_store: Callable[[int], Store | None],
        *,
        clock: Clock,
        telemetry: Telemetry,
        enabled: bool,
    ) -> None:
        self._enabled = enabled and stage.changelog is not None
        self._stage = stage.name
        self._topic = stage.changelog.name if stage.changelog else ""
        self._clients = clients
        self._admin = admin
        self._open_store = open_store
        self._clock = clock
        self._telemetry = telemetry
        self._replay: Replay | None = None
        self._identity: Identity | None = None
        self._count = 0
        self._survey: Survey | None = None
        self._asked_s = -math.inf
        # Partitions to open, and failed ones with the monotonic second from which they are tried again.
        self._located: dict[int, Span] = {}
        self._not_before_s: dict[int, float] = {}
        self._slice_due_s = 0.0

    def hand_over(self, number: int) -> Store | None:
        """The store of a partition that is ours from now on: the standby's, or opened. Raises StoreFailed."""
        self._located.pop(number, None)
        if self._survey:
            self._survey.absent.discard(number)
        tail = self._replay.remove(number) if self._replay else None
        if self._enabled:
            self._telemetry.standby_lag(self._stage, number, 0)
        if tail is None:
            return self._open_store(number)
        log.info("%s/%d: the standby hands over what it has read to %d", self._topic, number, tail.position)
        return tail.store

    def wait_s(self, until_wake_s: float) -> float:
        """How long the loop may wait before `advance` has something to do, when the next timer is due so soon."""
        if not self._enabled:
            return math.inf
        due_s = self._slice_due_s + (PUT_OFF_S if until_wake_s < NEAR_S else 0.0)
        return max(0.0, due_s - self._clock.monotonic_s())

    def advance(self, tasks: Iterable[Task], until_wake_s: float) -> None:
        """One slice of work if it is time for one. `tasks`: what this member owns. Raises nothing of its own."""
        if self.wait_s(until_wake_s) > 0:
            return
        try:
            self._look_around({task.partition for task in tasks if task.store})
            self._begin()
            wait_s = self._follow()
        except (KafkaException, Fenced) as error:
            log.warning("standby of %s begins anew in %d s: %s", self._topic, AGAIN_S, error)
            self._drop_all()
            wait_s = AGAIN_S
        self._slice_due_s = self._clock.monotonic_s() + wait_s

    def _tails(self) -> dict[int, Tail]:
        return self._replay.tails if self._replay else {}

    # -- which partitions there are, and where their logs end

    def _look_around(self, owned: set[int]) -> None:
        now_s = self._clock.monotonic_s()
        if self._survey:
            if self._survey.done():
                survey, self._survey = self._survey, None
                self._settle(survey)
            return
        waiting = {number for number, at_s in self._not_before_s.items() if at_s > now_s}
        absent = set(range(self._count)) - owned - set(self._tails()) - set(self._located) - waiting
        if now_s - self._asked_s >= (SURVEY_MIN_S if absent or not self._count else SURVEY_S):
            self._asked_s = now_s
            self._survey = self._ask(absent)

    def _ask(self, absent: set[int]) -> Survey:
        now_ms = self._clock.now_ms()
        tails = self._tails()
        partitions = [(self._topic, number) for number in absent | set(tails)]
        names = TopicCollection([self._topic])
        described = self._admin.describe_topics(names, request_timeout=SAMPLE_TIMEOUT_S)
        nothing = Sample(now_ms, {})
        return Survey(
            self._topic,
            described[self._topic],
            self._admin.describe_cluster(request_timeout=SAMPLE_TIMEOUT_S),
            sample(self._admin, partitions, now_ms, OffsetSpec.earliest()) if partitions else nothing,
            sample(self._admin, partitions, now_ms) if partitions else nothing,
            absent,
            {number: tail.position for number, tail in tails.items()},
        )

    def _settle(self, survey: Survey) -> None:
        try:
            identity, count, spans = survey.found()
        except KafkaException as error:
            log.warning(
                "standby of %s: the broker does not say where it ends: %s", self._topic, describe(error)
            )
            return
        if identity != self._identity:
            self._drop_all()  # what was read is of another log
        self._identity = identity
        if count != self._count:
            self._count, self._asked_s = count, -math.inf
        for number in survey.absent - set(spans):
            self._not_before_s[number] = self._clock.monotonic_s() + SURVEY_S
        for number, span in spans.items():
            tail = self._tails().get(number)
            if tail is None:
                if number in survey.absent:
                    self._located[number] = span
                    self._telemetry.standby_lag(self._stage, number, span.end - span.low)
            elif tail.span.low != span.low or span.end < survey.positions.get(number, 0):
                # What was read since may have a gap.
                self._fail(number, "the log was cut", wipe=True)
            else:
                tail.aim(span)
                self._telemetry.standby_lag(self._stage, number, max(0, span.end - tail.position))

    # -- reading

    def _begin(self) -> None:
        """Open one store, and read on from where it is."""
        if not self._located or self._identity is None:
            return
        number, span = self._located.popitem()
        if self._replay is None:
            self._replay = Replay(self._clients.log_follower(), self._topic, self._clock, "standby of")
        try:
            store = self._open_store(number)
            if store is not None:
                self._read_into(store, number, span, self._identity)
        except StoreFailed as failure:
            self._later(number, failure)

    def _read_into(self, store: Store, number: int, span: Span, identity: Identity) -> None:
        assert self._replay is not None
        try:
            self._replay.add(resume(store, number, self._topic, identity, span, self._clock))
        except BaseException:
            store.close()
            raise

    def _follow(self) -> float:
        """Read what has come, for SLICE_S; returns how long the next slice may wait."""
        end_s = self._clock.monotonic_s() + SLICE_S
        more = self._replay is not None
        while self._replay and more:
            count, failed = self._replay.read(0.0, CHUNK)
            for number, failure in failed.items():
                self._fail(number, failure)
            more = count >= CHUNK
            if self._clock.monotonic_s() >= end_s:
                break
        for number, tail in list(self._tails().items()):
            try:
                first = not tail.complete
                if tail.prove() and first:
                    log.info("%s/%d: the standby is up to date: %d read", self._topic, number, tail.replayed)
            except StoreFailed as failure:
                self._fail(number, failure)
        return 0.0 if self._located or more else PAUSE_S

    # -- what goes wrong

    def _fail(self, number: int, why: object, *, wipe: bool = False) -> None:
        tail = self._replay.remove(number) if self._replay else None
        if tail:
            if wipe:
                with contextlib.suppress(StoreFailed):  # it is removed when it is closed
                    tail.store.wipe()
            tail.store.close()
        self._later(number, why)

    def _later(self, number: int, why: object) -> None:
        log.warning("standby of %s/%d begins anew in %d s: %s", self._topic, number, AGAIN_S, why)
        self._not_before_s[number] = self._clock.monotonic_s() + AGAIN_S

    def _drop_all(self, *, sync: bool = False) -> None:
        self._located.clear()
        self._survey = None
        if self._replay:
            for number in list(self._replay.tails):
                tail = self._replay.remove(number)
                if tail:
                    tail.store.close(sync=sync)
            self._replay.close()
            self._replay = None

    def close(self) -> None:
        """What was read shall outlive the machine too, as the stores of an owner do. Safe to call again."""
        self._drop_all(sync=True)
