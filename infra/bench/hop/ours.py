"""The production loop, with a watch put around its poll and its commit from outside: its own code carries none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Message

from connectors.kafka.clients import KafkaClients
from infra.bench.hop.bare import Feed
from streams.runtime.clock import SystemClock
from streams.runtime.effects import NoHands
from streams.runtime.loop import Loop, LoopSettings
from streams.runtime.processor import Event, Output, Record, Result, Send, State
from streams.runtime.telemetry import NoTelemetry
from streams.topology import Stage

VALUE = b"v" * 200
READY_S = 30.0


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
