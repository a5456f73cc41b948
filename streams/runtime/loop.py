"""The transactional loop: consume, process, produce, exactly once. One member of one stage.

    1  poll        records, answers of effects, timers whose time has come
    2  step        each, in the order of its partition
    3  produce     outputs and changelog                        }
    4  offsets     of every partition whose state was touched   }  one Kafka transaction
    5  commit                                                   }
    6  store       state and changelog offset, one local transaction
    7  signal      effects are released, metrics set

What is redone after a crash between two of them, and which test shows it, stands in README.md beside this file.
Why step 4 is in every transaction, also in one that only fires timers: the offsets are what the broker fences by.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from streams.runtime.batch import Work
from streams.runtime.clients import Clients, Codec
from streams.runtime.clock import Clock
from streams.runtime.dead_letters import DeadLetterLimit
from streams.runtime.effects import Arrived, Hands, Inbox
from streams.runtime.errors import Rejoin, Rewind, UnknownResult
from streams.runtime.failpoints import failpoint
from streams.runtime.intake import Intake
from streams.runtime.looks import Looks
from streams.runtime.membership import Membership
from streams.runtime.partitions import Partitions, positions
from streams.runtime.store import Store
from streams.runtime.takeover import Takeovers
from streams.runtime.task import MakeProcessor, Task
from streams.runtime.telemetry import Telemetry
from streams.runtime.transactions import Transactions
from streams.topology import Stage

log = logging.getLogger("ringback.loop")

# How long a poll may block while an answer is on its way from another thread, which cannot wake the poll.
ANSWER_POLL_S = 0.002


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """`member`: static member id, stable over restarts. `state_dir`: this member's alone.

    `max_batch` records and `max_wakes` timers bound one transaction of one turn; what is beyond waits in Kafka and in
    the store. `idle_s`: how long a poll waits when nothing is due. `hold_s`: until a held partition is tried again.
    """

    member: str
    state_dir: Path
    max_batch: int = 1_000
    max_wakes: int = 1_000
    idle_s: float = 0.1
    hold_s: float = 2.0
    shutdown_s: float = 15.0
    producers: int = 2
    dead_letter_limit: DeadLetterLimit = field(default_factory=DeadLetterLimit)


class Loop:
    """Runs one member of `stage` until `stop()`; raises Fenced when the member must be started anew."""

    def __init__(
        self,
        stage: Stage,
        make_processor: MakeProcessor,
        *,
        clients: Clients,
        codec: Codec,
        clock: Clock,
        hands: Hands,
        telemetry: Telemetry,
        settings: LoopSettings,
    ) -> None:
        self._stage = stage
        self._settings = settings
        self._codec = codec
        self._clock = clock
        self._hands = hands
        self._telemetry = telemetry
        self._late = make_processor(-1).late
        self._stopping = threading.Event()
        admin = clients.admin()
        self._inbox = Inbox()
        self._looks = Looks(admin, clock)
        self._takeovers = Takeovers(clients, admin, stage.changelog, clock)
        topics = [topic.name for topic in stage.reads]
        self.partitions = Partitions(
            stage.name,
            topics,
            make_processor,
            self._make_store,
            self._takeovers,
            clock=clock,
            telemetry=telemetry,
            limit=settings.dead_letter_limit,
            hold_s=settings.hold_s,
        )
        self._membership = Membership(
            clients, stage.group, settings.member, self.partitions.gained, self.partitions.lost
        )
        self._intake = Intake(
            stage,
            self.partitions,
            codec,
            clock,
            max_wakes=settings.max_wakes,
            hold=lambda task, why: self.partitions.hold(task, self._membership, why),
        )
        self._transactions = Transactions(
            clients, [stage.transactional_id(settings.member, n) for n in range(settings.producers)]
        )
        self._evidence = clients.plain_producer()

    def _make_store(self, number: int) -> Store | None:
        if not self._stage.changelog:
            return None
        path = self._settings.state_dir / self._stage.name / f"{number}.sqlite"
        topic = self._stage.changelog.name
        return Store.open(
            path,
            lambda name, value: self._codec.encode(topic, name, value),
            lambda data: self._codec.decode(topic, data, None, 0),
        )

    # -- the life of a member

    def run(self) -> None:
        """Returns after `stop()`, with everything committed that was begun. Raises Fenced."""
        try:
            # Joining goes on in librdkafka's threads while the producers wait for their coordinator.
            self._membership.subscribe([topic.name for topic in self._stage.reads])
            self._transactions.init(self._stopping.is_set)
            while not self._stopping.is_set():
                self._guard(self.turn)
            self._membership.pause(self._membership.assignment())
            end_s = self._clock.monotonic_s() + self._settings.shutdown_s
            while self._inbox.expecting and self._clock.monotonic_s() < end_s:
                self._guard(self.turn)
        finally:
            self.partitions.close()
            self._takeovers.close()
            self._membership.close()
            self._evidence.flush(self._settings.shutdown_s)

    def stop(self) -> None:
        """Ask the loop to finish what it has begun and return; from any thread, or a signal handler."""
        self._stopping.set()

    @property
    def ready(self) -> bool:
        """Are partitions assigned, their state restored, and none held?"""
        tasks = list(self.partitions)
        return bool(tasks) and all(task.runs for task in tasks)

    def turn(self) -> None:
        """One round of steps 1 to 7. Raises LoopError."""
        messages = self._membership.poll(self._wait_s(), self._settings.max_batch)
        self._takeovers.advance()
        self.partitions.release_held(self._membership)
        self._open_restored()
        self._transact(self._intake.collect(self._answers(), messages))

    def _guard(self, turn: Callable[[], None]) -> None:
        try:
            turn()
        except UnknownResult as decision:
            log.warning("the result of a transaction is unknown, taking over again: %s", decision)
            self._transactions.throw_away()
            self._transactions.init(self._stopping.is_set)
            self.partitions.take_over_again(self._membership)
        except Rewind as decision:
            log.warning("transaction aborted, doing it again: %s", decision)
            if isinstance(decision, Rejoin):
                self._membership.rejoin()
            self.partitions.rewind(self._membership)

    def _wait_s(self) -> float:
        """How long a poll may block: until the next timer, or until an answer may have come."""
        if self._takeovers.running:
            return 0.0
        wait_s = ANSWER_POLL_S if self._inbox.expecting or self._looks.waiting else self._settings.idle_s
        wake_ms = self.partitions.next_wake_ms()
        if wake_ms is not None:
            wait_s = min(wait_s, (wake_ms - self._clock.now_ms()) / 1000)
        return max(0.0, wait_s)

    def _open_restored(self) -> None:
        """The last step of a takeover: the processor sees its state, then records and timers flow."""
        for task in self.partitions:
            if task.restored and not task.opened:
                self._transact([self._intake.open(task)])
                task.opened = True
                self._membership.resume(positions(task))

    def _answers(self) -> list[tuple[Task, Arrived]]:
        answers = []
        for arrived in self._inbox.take() + self._looks.take(self.partitions.tasks):
            task = self.partitions.by_tenure(arrived.tenure)
            if task:
                answers.append((task, arrived))
            else:
                self._write_late(arrived)
        return answers

    def _write_late(self, arrived: Arrived) -> None:
        """The partition was given up: evidence needs no transaction, an idempotent producer writes it."""
        for send in self._late(arrived.result, self._clock.now_ms()):
            value = self._codec.encode(send.topic, send.name, send.value)
            self._evidence.produce(send.topic, key=send.key, value=value)
        self._evidence.poll(0)

    # -- steps 3 to 7

    def _transact(self, works: list[Work]) -> None:
        for work in works:
            work.seal()
        committing = [work for work in works if work.touches_kafka]
        try:
            if committing:
                self._commit(committing)
        except (Rewind, UnknownResult):
            for work in works:
                self._inbox.put_back(work.answers)
            self._telemetry.aborted(self._stage.name)
            raise
        for work in works:
            self._signal(work)

    def _commit(self, works: list[Work]) -> None:
        failpoint("loop.2-stepped")
        self._transactions.begin()
        try:
            for work in works:
                self._produce(work)
            failpoint("loop.3-produced")
            offsets = [offset for work in works for offset in work.offsets()]
            self._transactions.send_offsets(offsets, self._membership.metadata)
            failpoint("loop.4-offsets")
            self._transactions.commit()
        except Rewind:
            self._transactions.abort()
            raise
        failpoint("loop.5-committed")
        for work in works:
            self._write_store(work)
        failpoint("loop.6-stored")

    def _produce(self, work: Work) -> None:
        for send in work.sends:
            self._transactions.produce(send.topic, send.key, send.value, headers=send.headers)
        if not work.changes or not self._stage.changelog:
            return

        def delivered(offset: int) -> None:
            work.changelog_offset = offset + 1

        topic, number, last = self._stage.changelog.name, work.task.partition, len(work.changes) - 1
        for index, (state_key, state) in enumerate(work.changes):
            self._transactions.produce(
                topic,
                state_key.encode(),
                state,
                partition=number,
                delivered=delivered if index == last else None,
            )

    def _write_store(self, work: Work) -> None:
        task = work.task
        if task.store and work.changes:
            task.changelog_offset = work.changelog_offset or task.changelog_offset
            task.store.write(work.changes, self._takeovers.proof(task.changelog_offset))

    def _signal(self, work: Work) -> None:
        task = work.task
        task.positions.update(work.positions)
        task.positions.update(work.ends)
        if task.store:
            task.next_wake_ms = task.store.next_wake_ms()
        for effect in work.effects:
            if not self._looks.accept(effect, task):
                self._inbox.release(self._hands, effect, task.tenure)
        self._telemetry.committed(self._stage.name, task.partition, work.records, work.dead)
        if task.dead_letters.add(work.records, work.dead, self._clock.monotonic_s()):
            flood = "too many dead letters: is the deploy bad?"
            self.partitions.hold(task, self._membership, flood, forever=True)
        failpoint("loop.7-signalled")
