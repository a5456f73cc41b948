"""One hop: from `poll` returning one record to the commit of its transaction returning.

Both loops get one record at a time, the next when the last is committed, so nothing is batched away. They take
turns, and a run's figure is held against the run beside it: the machine is shared, and its mood changes by the
minute. Decoding and encoding are left out on both sides; the records have the same sizes.
"""

from __future__ import annotations

import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Message, Producer
from confluent_kafka.cimpl import NewTopic

from connectors.kafka.clients import KafkaClients
from infra.bench.bare import Bare, Feed
from streams.runtime.clock import SystemClock
from streams.runtime.effects import NoHands
from streams.runtime.loop import Loop, LoopSettings
from streams.runtime.processor import Event, Output, Record, Result, Send, State
from streams.runtime.telemetry import NoTelemetry
from streams.topology import DAY_MS, DEAD_LETTERS, Stage, Topic

BAR = 1.3
VALUE = b"v" * 200
WARM_UP_HOPS = 200
READY_S = 30.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds; medians over the runs."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class HopResult:
    name: str
    bare: Figures
    ours: Figures

    @property
    def ratio(self) -> float:
        return self.ours.p50_ms / self.bare.p50_ms

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": round(self.ratio, 3)}


class SameBytes:
    """A codec that costs nothing: every record is VALUE."""

    def encode(self, *_: object) -> bytes:
        return VALUE

    def decode(self, *_: object) -> tuple[str, dict[str, Any]]:
        return "Value", {}

    def wake_at(self, *_: object) -> None:
        return None


class Forward:
    """One record in, one out, and one key of state where the stage has state."""

    def __init__(self, out: str, stateful: bool) -> None:
        self._out = out
        self._stateful = stateful

    def step(self, state: State, event: Event, _now_ms: int) -> Iterator[Output]:
        if isinstance(event, Record):
            if self._stateful:
                state.get("key")
                state.put("key", "Value", {})
            yield Send(self._out, "key", "Value", {})

    def late(self, _result: Result, _now_ms: int) -> Iterator[Send]:
        return iter(())


class Ours:
    """The production loop in a thread, with a watch put around its poll and its commit."""

    def __init__(self, clients: KafkaClients, stage: Stage, folder: Path, producers: int) -> None:
        out, stateful = stage.writes[0].name, stage.stateful
        self._loop = Loop(
            stage,
            lambda _: Forward(out, stateful),
            clients=clients,
            codec=SameBytes(),
            clock=SystemClock(),
            hands=NoHands(),
            telemetry=NoTelemetry(),
            settings=LoopSettings("ours", folder, producers=producers),
        )
        self._took: list[float] = []
        self._hops = 0
        self._feed: Feed = lambda: None
        self._done = threading.Event()
        self._watch()
        self._thread = threading.Thread(target=self._loop.run)
        self._thread.start()
        end_s = time.monotonic() + READY_S
        while not (self._loop.ready and list(self._loop.partitions)):
            if time.monotonic() > end_s or not self._thread.is_alive():
                raise TimeoutError("the loop does not get ready")
            time.sleep(0.01)

    def _watch(self) -> None:
        membership, transactions = self._loop._membership, self._loop._transactions
        poll, commit = membership.poll, transactions.commit
        polled_s = 0.0

        def watched_poll(wait_s: float, max_records: int) -> list[Message]:
            nonlocal polled_s
            messages = poll(wait_s, max_records)
            if any(message.error() is None for message in messages):
                polled_s = time.perf_counter()
            return messages

        def watched_commit(meanwhile: Callable[[], bool]) -> None:
            commit(meanwhile)
            self._took.append((time.perf_counter() - polled_s) * 1000)
            if len(self._took) < self._hops:
                self._feed()
            else:
                self._done.set()

        membership.poll = watched_poll  # type: ignore[method-assign]
        transactions.commit = watched_commit  # type: ignore[assignment,method-assign]

    def run(self, hops: int, feed: Feed) -> list[float]:
        """As `Bare.run`."""
        self._took, self._hops, self._feed = [], hops, feed
        self._done.clear()
        feed()
        if not self._done.wait(READY_S + hops):
            raise TimeoutError("the loop does not commit")
        return self._took

    def close(self) -> None:
        self._loop.stop()
        self._thread.join()


def measure(bootstrap: str, folder: Path, runs: int, hops: int) -> list[HopResult]:
    """Both kinds of stage against the bare loop, on topics of their own."""
    clients = KafkaClients(bootstrap)
    return [
        _measure("stateless", clients, folder, runs, hops, stateful=False),
        _measure("stateful", clients, folder, runs, hops, stateful=True),
        # Like against like: the bare loop has one producer, and waits for the markers of its last transaction.
        _measure("stateful, one producer", clients, folder, runs, hops, stateful=True, producers=1),
    ]


def _measure(
    label: str,
    clients: KafkaClients,
    folder: Path,
    runs: int,
    hops: int,
    *,
    stateful: bool,
    producers: int = 2,
) -> HopResult:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    inputs = {who: Topic(f"{name}.{who}.in", "user", "Value", DAY_MS) for who in ("bare", "ours")}
    out = Topic(f"{name}.out", "user", "Value", DAY_MS)
    stage = Stage(name, (inputs["ours"],), (out,), "forwards", stateful=stateful, tables=())
    _make_topics(clients, [*inputs.values(), out, *([stage.changelog] if stage.changelog else [])])
    writes = [(out.name, VALUE)]
    if stage.changelog:
        writes.append((stage.changelog.name, VALUE))
    producer = clients.plain_producer()
    bare = Bare(clients, f"{name}.bare", inputs["bare"].name, writes)
    ours = Ours(clients, stage, folder / name, producers)
    took: dict[str, list[list[float]]] = {"bare": [], "ours": []}
    try:
        for run in range(runs + 1):
            for who, loop in (("bare", bare), ("ours", ours)):
                figures = loop.run(hops if run else WARM_UP_HOPS, _feeding(producer, inputs[who].name))
                if run:
                    took[who].append(figures)
    finally:
        ours.close()
        bare.close()
    return HopResult(label, _figures(took["bare"]), _figures(took["ours"]))


def _figures(runs: list[list[float]]) -> Figures:
    return Figures(
        round(statistics.median(statistics.median(run) for run in runs), 3),
        round(statistics.median(statistics.quantiles(run, n=100)[98] for run in runs), 3),
    )


def _feeding(producer: Producer, topic: str) -> Feed:
    def feed() -> None:
        producer.produce(topic, VALUE, b"key", partition=0)
        producer.poll(0)

    return feed


def _make_topics(clients: KafkaClients, wanted: list[Topic]) -> None:
    """One partition each, made anew; the dead letters' topic may be there."""
    admin = clients.admin()
    if DEAD_LETTERS.name not in admin.list_topics(timeout=10).topics:
        wanted = [*wanted, DEAD_LETTERS]
    for future in admin.create_topics([NewTopic(t.name, 1, config=t.config()) for t in wanted]).values():
        future.result(30)
