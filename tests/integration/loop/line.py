"""One counting stage on a real broker: its topics, what goes in, what is committed, and who runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from schemas import codec
from streams.runtime.clock import Clock, SystemClock
from streams.runtime.dead_letters import DeadLetterLimit
from streams.runtime.effects import Hands, NoHands
from streams.runtime.errors import Fenced
from streams.runtime.loop import Loop, LoopSettings
from streams.runtime.task import MakeProcessor
from streams.runtime.telemetry import NoTelemetry, Telemetry
from streams.runtime.wire import Wire
from streams.topology import DEAD_LETTERS, Stage
from tests.integration.loop.counting import Counting, event, stage_called
from tests.waiting import PATIENCE_S, until


class Found(NamedTuple):
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    appended_at: int


@dataclass
class Line:
    """A stage of its own topics (`partitions` each). Every reading is of committed records only."""

    bootstrap: str
    folder: Path
    protocol: str = "classic"
    partitions: int = 2
    name: str = field(default_factory=lambda: f"count-{uuid.uuid4().hex[:8]}")
    sent: list[dict[str, Any]] = field(default_factory=list)
    _cleanups: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stage: Stage = stage_called(self.name)
        self.clients = KafkaClients(self.bootstrap, group_protocol=self.protocol)
        self.admin: AdminClient = self.clients.admin()
        assert self.stage.changelog
        self.changelog = self.stage.changelog.name
        wanted = [*self.stage.reads, *self.stage.writes, self.stage.changelog, DEAD_LETTERS]
        topics.apply(self.admin, self.partitions, wanted=[t for t in wanted if t is not DEAD_LETTERS])
        if DEAD_LETTERS.name not in self.admin.list_topics(timeout=10).topics:
            topics.apply(self.admin, self.partitions, wanted=[DEAD_LETTERS])
        self._producer: Producer = self.clients.plain_producer()

    # -- what goes in

    def produce(self, *values: dict[str, Any] | bytes, partition: int | None = None) -> None:
        """Write to the input, acknowledged; bytes go in as they are. The key is the user, unless told otherwise."""
        failures: list[object] = []

        def report(error: object, _message: object) -> None:
            if error:
                failures.append(error)

        for value in values:
            raw = value if isinstance(value, bytes) else codec.encode("ReminderEvent", value)
            key = b"raw" if isinstance(value, bytes) else value["user"].encode()
            self._producer.produce(
                f"{self.name}.in",
                raw,
                key,
                partition=-1 if partition is None else partition,
                on_delivery=report,
            )
        assert self._producer.flush(30) == 0
        assert not failures
        self.sent += [value for value in values if isinstance(value, dict)]

    def count(self, number: int, users: int = 8, start: int = 0) -> None:
        """Write `number` COUNT events of several users."""
        self.produce(*(event("COUNT", f"user{n % users}", f"e{n}") for n in range(start, start + number)))

    # -- what came out

    def committed(self, topic: str) -> list[Found]:
        """All of `topic` that is committed. What belongs to an open transaction is waited for."""
        count = len(self.admin.list_topics(topic, timeout=10).topics[topic].partitions)
        names = [TopicPartition(topic, number) for number in range(count)]
        ends = until(lambda: self._ends(names), f"{topic} has a leader")
        reader: Consumer = self.clients.log_reader()
        found: list[Found] = []
        try:
            reader.assign([TopicPartition(topic, number, 0) for number in ends])
            waiting = {number for number, end in ends.items() if end > 0}
            end_s = time.monotonic() + PATIENCE_S
            while waiting:
                assert time.monotonic() < end_s, f"{topic} is not readable to its end"
                message = reader.poll(0.5)
                if message is None:
                    continue
                number, offset, error = message.partition(), message.offset(), message.error()
                assert number is not None
                assert offset is not None
                if error:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    if offset >= ends[number]:
                        waiting.discard(number)
                else:
                    key, value = message.key(), message.value()
                    assert not isinstance(key, str)
                    assert not isinstance(value, str)
                    found.append(Found(number, offset, key, value, message.timestamp()[1]))
        finally:
            reader.close()
        return found

    def _ends(self, names: list[TopicPartition]) -> dict[int, int]:
        """The high watermark of each partition, uncommitted; empty while a broker that just started is at a loss."""
        asked = self.admin.list_offsets(
            {name: OffsetSpec.latest() for name in names},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
        )
        try:
            return {name.partition: future.result(10).offset for name, future in asked.items()}
        except KafkaException:
            self.admin.list_topics(timeout=10)  # the client asks nobody else who leads now
            return {}

    def outputs(self) -> list[dict[str, Any]]:
        """What the stage put out, decoded; the order of a partition is the order here."""
        return [codec.decode(f.value or b"").record for f in self.committed(f"{self.name}.out")]

    def dead(self) -> list[dict[str, Any]]:
        """Dead letters of this stage."""
        letters = [codec.decode(f.value or b"").record for f in self.committed(DEAD_LETTERS.name)]
        return [letter for letter in letters if letter["source_topic"].startswith(self.name + ".")]

    def state(self) -> dict[str, dict[str, Any]]:
        """The fold of the changelog."""
        folded: dict[str, dict[str, Any]] = {}
        for found in self.committed(self.changelog):
            key = (found.key or b"").decode()
            if found.value is None:
                folded.pop(key, None)
            else:
                folded[key] = codec.decode(found.value).record
        return folded

    def await_outputs(self, number: int, patience_s: float = PATIENCE_S) -> list[dict[str, Any]]:
        """Wait until at least `number` outputs are committed; returns all."""
        return self._await(lambda found: len(found) >= number, f"{number} committed outputs", patience_s)

    def _await(
        self, enough: Callable[[list[dict[str, Any]]], bool], what: str, patience_s: float = PATIENCE_S
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        def looked() -> bool:
            found[:] = self.outputs()
            return enough(found)

        until(looked, what, patience_s)
        return found

    def check_exactly_once(self) -> None:
        """Every COUNT that was sent has one output, numbered 1, 2, 3 … per user in order; the state is the last.

        The oracle counts what was sent, in the order of each user's partition, and shares no code with the stage.
        """
        expected = [value for value in self.sent if value["type"] == "COUNT"]
        outputs = self._await(
            lambda found: len(seen(found, "COUNTED")) >= len(expected), f"{len(expected)} committed counts"
        )
        counted = [value for value in outputs if value["type"] == "COUNTED"]
        per_user: dict[str, list[str]] = {}
        for value in expected:
            per_user.setdefault(value["user"], []).append(value["event_id"])
        found: dict[str, list[tuple[str, int]]] = {}
        for value in counted:
            found.setdefault(value["user"], []).append((value["event_id"], value["number"]))
        assert found == {
            user: [(event_id, number) for number, event_id in enumerate(ids, start=1)]
            for user, ids in per_user.items()
        }
        counts = {k: v["epoch"] for k, v in self.state().items() if k.startswith("count|")}
        assert counts == {f"count|{user}": len(ids) for user, ids in per_user.items()}

    # -- who runs it

    def loop(
        self,
        member: str = "a",
        *,
        hands: Hands | None = None,
        telemetry: Telemetry | None = None,
        codec: Wire | None = None,
        limit: DeadLetterLimit | None = None,
        clock: Clock | None = None,
        make_processor: MakeProcessor | None = None,
        **settings: Any,
    ) -> Loop:
        """A member that is not yet running."""
        return Loop(
            self.stage,
            make_processor or (lambda _: Counting(f"{self.name}.out")),
            clients=self.clients,
            codec=codec or Wire(),
            clock=clock or SystemClock(),
            hands=hands or NoHands(),
            telemetry=telemetry or NoTelemetry(),
            settings=LoopSettings(
                member,
                self.folder / member,
                dead_letter_limit=limit or DeadLetterLimit(),
                **{"hold_s": 0.2, "shutdown_s": 5.0, **settings},
            ),
        )

    def run(self, loop: Loop, again: Callable[[], Loop] | None = None) -> Running:
        """`loop` in a thread, until the test ends or `stop`; `again` makes another when it is fenced."""
        running = Running(loop, again)
        self._cleanups.append(running.stop)
        return running

    def start(self, member: str = "a", **options: Any) -> Running:
        """A member in a thread, ready."""
        running = self.run(self.loop(member, **options))
        running.until_ready()
        return running

    def child(self, member: str = "a", failpoints: str = "") -> Child:
        """A member in a process of its own, which tests may kill."""
        child = Child(self, member, failpoints)
        self._cleanups.append(child.kill)
        return child

    def close(self) -> None:
        for cleanup in reversed(self._cleanups):
            cleanup()


class Running:
    """A loop in a thread. `failure` is what ended it."""

    def __init__(self, loop: Loop, again: Callable[[], Loop] | None) -> None:
        self.loop = loop
        self._again = again
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                self.loop.run()
                return
            except Exception as failure:
                self.failure = failure
                if self._again is None or not isinstance(failure, Fenced):
                    return
                self.loop = self._again()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def owned(self) -> set[int]:
        return {task.partition for task in self.loop.partitions if task.runs}

    def until_ready(self) -> None:
        def ready() -> bool:
            assert self.alive, f"the loop ended: {self.failure!r}"
            return bool(self.owned()) and self.loop.ready

        until(ready, "the member is ready")

    def until_owns(self, number: int) -> None:
        until(lambda: len(self.owned()) == number, f"owning {number} partitions, has {self.owned()}")

    def stop(self) -> None:
        self.loop.stop()
        self._thread.join(30)
        assert not self.alive, "the loop does not stop"


class Child:
    """A member in a process (member.py). It restarts its loop when it is fenced, as `ringback run` does."""

    def __init__(self, line: Line, member: str, failpoints: str) -> None:
        command = [sys.executable, "-m", "tests.integration.loop.member", line.bootstrap, line.protocol]
        command += [line.name, member, str(line.folder / member)]
        log = (line.folder / f"{member}.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                command,
                stderr=log,
                stdout=log,
                cwd=Path(__file__).parents[3],
                env={**os.environ, "RINGBACK_FAILPOINTS": failpoints},
            )

    def died(self) -> int:
        """Wait for its end; the exit code, negative for a signal."""
        return self.process.wait(PATIENCE_S)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)


def seen(outputs: Iterable[dict[str, Any]], kind: str) -> list[str]:
    """The event ids of one type of output, in order."""
    return [value["event_id"] for value in outputs if value["type"] == kind]
