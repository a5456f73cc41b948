"""What the probes of `ringback run` say: live is a loop that moves, ready one that has its partitions."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import pytest

from connectors.metrics import PrometheusMetrics
from infra.run.health import HealthServer
from infra.run.stages import STILL_S, Member
from streams.runtime.errors import Fenced
from streams.runtime.loop import Loop


@dataclass
class Held:
    """Partitions of which some stand still."""

    held: dict[str, str] = field(default_factory=dict)


@dataclass
class StandingLoop:
    """A loop whose thread is in `run` and does whatever the test says."""

    still_s: float = 0.0
    ready: bool = True
    partitions: Held = field(default_factory=Held)

    def __post_init__(self) -> None:
        self.ends = threading.Event()
        self.runs = threading.Event()

    def run(self) -> None:
        self.runs.set()
        self.ends.wait()

    def stop(self) -> None:
        self.ends.set()


@pytest.fixture
def loop() -> StandingLoop:
    return StandingLoop()


@pytest.fixture
def port(loop: StandingLoop) -> Iterator[int]:
    """Of a health server over one member that runs `loop`."""
    stop = threading.Event()
    member = Member("reminders-0", lambda: cast(Loop, loop), stop, lambda: None)
    server = HealthServer(0, [member], PrometheusMetrics(), held=lambda: member.held)
    member.start()
    assert loop.runs.wait(10)
    yield server.port
    stop.set()
    member.ask_to_stop()
    assert member.join(10)
    server.close()


def _ask(port: int, path: str) -> tuple[int, bool]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.load(answer)["ok"]
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)["ok"]


def test_a_loop_that_hangs_is_not_alive_although_its_thread_is(port: int, loop: StandingLoop) -> None:
    """A call that never returns stands still for ever: the probe must see what no exception tells."""
    assert _ask(port, "/healthz") == (200, True)
    loop.still_s = STILL_S + 1
    assert _ask(port, "/healthz") == (503, False)
    loop.still_s = STILL_S - 1
    assert _ask(port, "/healthz") == (200, True)


def test_a_member_that_restores_its_state_is_alive_and_not_ready(port: int, loop: StandingLoop) -> None:
    """Restarting it would make it begin again: the two probes are two questions."""
    loop.ready = False
    assert _ask(port, "/healthz") == (200, True)
    assert _ask(port, "/readyz") == (503, False)


def test_a_partition_that_stands_still_is_named_with_its_reason(port: int, loop: StandingLoop) -> None:
    """Who is woken by PartitionHeld asks here first."""
    loop.ready, loop.partitions.held = False, {"inbound:3": "too many dead letters"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5)
    with refused.value:
        assert json.load(refused.value)["held"] == {"inbound:3": "too many dead letters"}


def test_each_new_start_of_a_member_is_told(loop: StandingLoop) -> None:
    """Fenced or failed, whatever ended it; a stop that was asked for is none."""
    ends: list[Exception] = [Fenced("another has our name"), RuntimeError("a bug")]
    told: list[int] = []

    def make() -> Loop:
        if ends:
            raise ends.pop(0)
        return cast(Loop, loop)

    stop = threading.Event()
    member = Member("calls-0", make, stop, lambda: told.append(1))
    member.start()
    assert loop.runs.wait(10)
    stop.set()
    member.ask_to_stop()
    assert member.join(10)
    assert len(told) == 2
