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
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException

from streams.runtime.audits import Audit, Audits
from streams.runtime.batch import Work
from streams.runtime.clients import Clients, Codec
from streams.runtime.clock import Clock
from streams.runtime.clock_watch import ClockWatch
from streams.runtime.commit import Commit
from streams.runtime.dead_letters import DeadLetterLimit
from streams.runtime.effects import Arrived, Hands, Inbox
from streams.runtime.errors import Fenced, LoopError, Rejoin, Rewind, UnknownResult, describe
from streams.runtime.evidence import Evidence
from streams.runtime.failpoints import failpoint
from streams.runtime.folder import StoreFolder
from streams.runtime.intake import Intake
from streams.runtime.looks import Looks
from streams.runtime.membership import Membership, others_in_group
from streams.runtime.partitions import Partitions, positions
from streams.runtime.preflight import check_topics
from streams.runtime.standby import Standbys
from streams.runtime.takeover import Takeovers
from streams.runtime.task import MakeProcessor, Task
from streams.runtime.telemetry import Telemetry, tell
from streams.runtime.transactions import Transactions
from streams.topology import Stage

log = logging.getLogger("ringback.loop")

# How long a poll may block while an answer is on its way from another thread, which cannot wake the poll.
ANSWER_POLL_S = 0.002
# Nothing is rehearsed when a timer is due sooner: it takes a millisecond.
REHEARSE_S = 0.003
# A transaction that is aborted again and again is done again after a wait that doubles up to this.
REWIND_MIN_S, REWIND_MAX_S = 0.01, 1.0
SHUTDOWN_S = 15.0


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """`member`: static member id, stable over restarts. `state_dir`: this member's alone.

    `max_batch` records and `max_wakes` timers, or four times as many that were rehearsed, bound one transaction of one
    turn; what is beyond waits in Kafka and in the store. `idle_s`: how long a poll waits when nothing is due.
    `hold_s`: until a held partition is tried again. `shutdown_s`: one deadline for everything that is still to be done
    after `stop()`. `leaves`: a member that is stopped gives its place to the others at once, if there are others;
    else its place waits for it until its session ends. `standby`: see standby.py.
    """

    member: str
    state_dir: Path
    max_batch: int = 1_000
    max_wakes: int = 1_000
    idle_s: float = 0.1
    hold_s: float = 2.0
    shutdown_s: float = SHUTDOWN_S
    leaves: bool = True
    producers: int = 2
    standby: bool = False
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
        audit: Audit | None = None,
    ) -> None:
        self._stage = stage
        self._settings = settings
        self._codec = codec
        self._clock = clock
        self._hands = hands
        self._telemetry = telemetry
        self._stopping = threading.Event()
        self._end_s: float | None = None
        self._moved_s = clock.monotonic_s()
        self._aborts = 0  # in a row
        self._rehearses = False  # are there coming timers that could be rehearsed now?
        self._admin = admin = clients.admin()
        self._inbox = Inbox()
        self._audits = Audits(stage.name, audit, telemetry)
        self._looks = Looks(admin, clock)
        self._takeovers = Takeovers(clients, admin, stage.changelog, clock)
        open_store = StoreFolder(stage, settings.state_dir, codec).open
        self._standbys = Standbys(
            stage, clients, admin, open_store, clock=clock, telemetry=telemetry, enabled=settings.standby
        )
        topics = [topic.name for topic in stage.reads]
        self.partitions = Partitions(
            stage.name,
            topics,
            make_processor,
            self._standbys.hand_over,
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
            keep=lambda arrived: self._inbox.put_back([arrived]),
        )
        self._watch = ClockWatch(clock, asks=stage.stateful)
        ids = [stage.transactional_id(settings.member, n) for n in range(settings.producers)]
        self._transactions = Transactions(clients, ids, self._watch.sending)
        self._commit = Commit(stage, self._transactions, self._takeovers)
        # What is late belongs to no partition of ours any more, so the processor that words it has none either.
        self._evidence = Evidence(clients.plain_producer(), make_processor(-1), codec, clock)

    # -- the life of a member

    def run(self) -> None:
        """Returns after `stop()`, with everything committed that was begun. Raises Fenced."""
        try:
            check_topics(self._admin, self._stage, self._gives_up)
            # Joining goes on in librdkafka's threads while the producers wait for their coordinator.
            self._membership.subscribe([topic.name for topic in self._stage.reads])
            self._transactions.init(self._gives_up)
            while not self._stopping.is_set():
                self._guard(self.turn)
            while not self._gives_up():
                self._guard(self._drain)
        finally:
            self._close()

    def stop(self) -> None:
        """Ask the loop to finish what it has begun and return; from any thread, or a signal handler."""
        self._stopping.set()

    @property
    def ready(self) -> bool:
        """Has this member joined, and are its partitions restored and moving? A spare one has none, and is ready."""
        return self._membership.joined and all(task.runs for task in self.partitions)

    @property
    def still_s(self) -> float:
        """How long ago the loop last took a turn, or asked once more for something that it waits for; any thread."""
        return self._clock.monotonic_s() - self._moved_s

    def turn(self) -> None:
        """One round of steps 1 to 7. Raises LoopError."""
        self._moved_s = self._clock.monotonic_s()
        messages = self._membership.poll(self._wait_s(), self._settings.max_batch)
        if messages:
            failpoint("loop.1-polled")
        fires = self._watch.look(messages, self._transactions)
        self._takeovers.advance()
        self.partitions.release_held(self._membership)
        self._open_restored()
        self._transact(self._intake.collect(self._answers(), messages, wakes=fires))
        self.partitions.throttle(self._membership)
        # The waiting for the broker's answer to a commit is used for this too.
        until_wake_s = self._until_wake_s()
        self._rehearses = until_wake_s > REHEARSE_S and self._intake.rehearse()
        self._audits.advance(self.partitions)
        self._standbys.advance(self.partitions, 0.0 if self._takeovers.running else until_wake_s)

    def _drain(self) -> None:
        """A turn after `stop()`: effects that are out come home, nothing else is begun."""
        self._membership.pause(self._membership.assignment())
        self._membership.poll(ANSWER_POLL_S, self._settings.max_batch)
        self._transact(self._intake.collect(self._answers(), [], wakes=False))

    def _gives_up(self) -> bool:
        """Has `stop()` been called, and is nothing left to wait for, or no time?"""
        self._moved_s = self._clock.monotonic_s()  # asked between attempts, and each of those has a timeout
        if not self._stopping.is_set():
            return False
        if self._end_s is None:
            self._end_s = self._clock.monotonic_s() + self._settings.shutdown_s
        return not self._inbox.expecting or self._clock.monotonic_s() >= self._end_s

    def _guard(self, turn: Callable[[], None]) -> None:
        """Take a turn and act on what it raises. What is raised here is for the supervisor: Fenced."""
        try:
            try:
                turn()
            except UnknownResult as decision:
                log.warning("the result of a transaction is unknown, taking over again: %s", decision)
                self._transactions.throw_away()
                self._transactions.init(self._gives_up)
                if not self._gives_up():
                    self.partitions.take_over_again(self._membership)
            except Rewind as decision:
                log.warning("transaction aborted, doing it again: %s", decision)
                self._aborts += 1
                if self._aborts > 1:
                    self._stopping.wait(min(REWIND_MIN_S * 2**self._aborts, REWIND_MAX_S))
                if isinstance(decision, Rejoin):
                    self._membership.rejoin()
                self.partitions.rewind(self._membership)
        except KafkaException as exception:
            raise Fenced(f"a call that no transaction depends on: {describe(exception)}") from exception

    def _close(self) -> None:
        """Give everything up, then wait for the effects that are out: their answers are evidence, never lost."""
        leaves = self._stopping.is_set() and self._settings.leaves  # one that failed is back in a moment
        self._stopping.set()
        self.partitions.close()
        self._takeovers.close()
        self._transactions.close()
        try:
            others = leaves and others_in_group(self._admin, self._stage.group, self._settings.member)
            self._membership.close(leave=others)
        except (KafkaException, RuntimeError) as error:  # what ended the loop matters more
            log.warning("the consumer did not close cleanly: %s", error)
        self._standbys.close()
        while True:
            last = self._gives_up()
            for arrived in self._inbox.take() + self._looks.take({}):
                self._evidence.write(arrived)
            if last:
                break
            time.sleep(ANSWER_POLL_S)
        self._evidence.flush(max(1.0, (self._end_s or 0.0) - self._clock.monotonic_s()))

    def _wait_s(self) -> float:
        """How long a poll may block: until the next timer, or until an answer may have come."""
        if self._takeovers.running or self.partitions.restored() or self._rehearses:
            return 0.0
        wait_s = ANSWER_POLL_S if self._inbox.expecting or self._looks.waiting else self._settings.idle_s
        until_wake_s = self._until_wake_s()
        return max(0.0, min(wait_s, until_wake_s, self._standbys.wait_s(until_wake_s)))

    def _until_wake_s(self) -> float:
        wake_ms = self.partitions.next_wake_ms() if self._watch.fires else None
        return math.inf if wake_ms is None else (wake_ms - self._clock.now_ms()) / 1000

    def _open_restored(self) -> None:
        """The last step of a takeover: the processor sees its state, then records and timers flow."""
        restored = self.partitions.restored()
        if not restored:
            return
        works = self._intake.open(restored)
        self._transact(works)
        for work in works:
            work.task.opened = True
            self._audits.begin(work.task)
            self._membership.resume(positions(work.task))

    def _answers(self) -> list[tuple[Task, Arrived]]:
        answers, early = [], []
        for arrived in self._inbox.take() + self._looks.take(self.partitions.tasks):
            task = self.partitions.by_tenure(arrived.tenure)
            if task is None:
                self._evidence.write(arrived)
            elif task.waits:
                early.append(arrived)
            else:
                answers.append((task, arrived))
        self._inbox.put_back(early)
        return answers

    # -- steps 3 to 7; 3 to 6 are in commit.py

    def _transact(self, works: list[Work]) -> None:
        """Raises Rewind, UnknownResult, Fenced; answers that were in the transaction are not lost then."""
        for work in works:
            work.seal()
        committing = [work for work in works if work.touches_kafka]
        try:
            if committing:
                self._commit(committing, self._membership.metadata, self._intake.rehearse)
                self._aborts = 0
        except LoopError:
            for work in works:
                self._inbox.put_back(work.answers)
            self._telemetry.aborted(self._stage.name)
            raise
        for work in works:
            self._signal(work)

    def _signal(self, work: Work) -> None:
        task = work.task
        task.positions.update(work.positions)
        if task.store and work.changes:
            task.next_wake_ms = task.store.next_wake_ms()
            if task.rehearsal is not None:
                task.rehearsal.note(work.changes)
        if work.view:
            task.pending = work.pending
            task.remember(work.view.totals)
            for key, counters in work.view.totals.items():
                self._telemetry.counted(self._stage.name, task.partition, key, counters)
        for effect in work.effects:
            told = tell(self._telemetry, self._stage.name, task.partition, effect)
            if not told and not self._looks.accept(effect, task):
                self._inbox.release(self._hands, effect, task.tenure)
        if not work.touches_kafka:
            return
        self._telemetry.committed(self._stage.name, task.partition, work.records, work.dead)
        events = work.records + work.wakes
        if task.dead_letters.add(events, work.dead, self._clock.monotonic_s()) and not task.held_because:
            flood = "too many dead letters: is the deploy bad? It goes on when this member is restarted"
            self.partitions.hold(task, self._membership, flood, forever=True)
        failpoint("loop.7-signalled")
