"""The hands: every effect is answered exactly once, whatever the gate and the carrier do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from queue import SimpleQueue
from typing import Any

import pytest

from connectors.hands import CarrierHands
from connectors.metrics import PrometheusMetrics
from streams.once.carrier import CallRequest, MessageRequest, Placed, PlaceResult, Unknown
from streams.once.effects import (
    Ask,
    CancelCall,
    Enter,
    Fence,
    Fetch,
    FetchMessage,
    Fill,
    FillPart,
    Finish,
    Place,
    Release,
    Stale,
    Unavailable,
)
from streams.once.gate import REASONS, Gate, GateEntry, NotReady, Passed
from streams.once.memory_gate import MemoryGate, MemoryServer
from streams.runtime.clock import ManualClock
from tests.unit.streams.once.scripted import ScriptedCarrier

CALL = CallRequest("+14155550101", "+14155550100", "k1", "", "", 30)
MESSAGE = MessageRequest("+14155550101", "+14155550100", "hello", "m1")
GENERATION = "life-1"


class SlowCarrier(ScriptedCarrier):
    """Answers when it is told to."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.begun = threading.Event()
        self.let_go: asyncio.Event | None = None

    async def place_call(self, request: CallRequest) -> PlaceResult:
        self.let_go = asyncio.Event()
        self.begun.set()
        await self.let_go.wait()
        return await super().place_call(request)


class BrokenCarrier(ScriptedCarrier):
    """Has a bug."""

    async def place_call(self, _request: CallRequest) -> PlaceResult:
        raise ZeroDivisionError

    async def fetch_call(self, _sid: str) -> None:
        raise ZeroDivisionError


class Bench:
    """Hands over a gate and a carrier in memory."""

    def __init__(self, make: Callable[[ManualClock], ScriptedCarrier] = ScriptedCarrier) -> None:
        self.clock = ManualClock()
        self.server = MemoryServer(self.clock)
        self.carrier = make(self.clock)
        self.answers: SimpleQueue[Any] = SimpleQueue()
        self.metrics = PrometheusMetrics()
        self.hands = CarrierHands(
            lambda: MemoryGate(self.server), lambda: self.carrier, self.clock, self.metrics
        )

    def ask(self, effect: Any) -> Any:
        self.hands.submit(effect, self.answers.put)
        return self.answers.get(timeout=5)

    def place(self, request: CallRequest | MessageRequest = CALL, not_after_ms: int | None = None) -> Place:
        now_ms = self.clock.now_ms()
        return Place("c|k1", "k1", now_ms, now_ms + 2_000 if not_after_ms is None else not_after_ms, request)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.hands.close(1.0)
    assert bench.answers.empty(), "an effect was answered twice"


def enter(delay_ms: int = 0) -> Enter:
    return Enter("calls:3", "c|k1", "k1", 1, 0, None, None, delay_ms)


def test_the_way_through_the_gate(bench: Bench) -> None:
    """A fence tells that the server is not filled; after the fill it tells what stood, and the gate lets pass."""
    assert bench.ask(Fence("calls:3", 1, ("k1",))) == NotReady(GENERATION)
    entry = GateEntry("k0", 1, gated=True, finished=True)
    assert bench.ask(Fill("calls:3", GENERATION, (entry,), (("o1", "CA1"),))) is True
    assert bench.ask(Fence("calls:3", 1, ("k0",))) == {"k0": entry}
    assert bench.ask(enter(delay_ms=1)) == Passed()
    assert bench.ask(Finish(("k1",))) is None
    assert bench.server.gates["k1"].finished
    assert bench.ask(Release("c|k1", "o1", "CA1")) is None
    assert bench.server.answers == {}


def test_what_is_asked_of_the_carrier(bench: Bench) -> None:
    """Calls and messages go to their own methods, and so do the questions about them."""
    call, message = bench.ask(bench.place()), bench.ask(bench.place(MESSAGE))
    assert (call, message) == (Placed("CA1"), Placed("SM1"))
    since = bench.clock.now_ms() - 5_000
    assert [c.sid for c in bench.ask(Ask("c|k1", "call", CALL.to, CALL.from_, since))] == ["CA1"]
    assert [m.sid for m in bench.ask(Ask("c|m1", "message", MESSAGE.to, MESSAGE.from_, since))] == ["SM1"]
    assert bench.ask(Fetch("c|k1", "CA1")).status == "queued"
    assert bench.ask(CancelCall("c|k1", "CA1")).status == "canceled"
    assert bench.ask(Fetch("c|k1", "CA9")) is None
    assert bench.ask(FetchMessage("c|m1", "SM1")).status == "queued"
    assert bench.ask(FetchMessage("c|m1", "SM9")) is None


def test_a_late_clock_sends_nothing(bench: Bench) -> None:
    """Past the claim's last millisecond: Stale; at it: sent."""
    late = bench.ask(bench.place(not_after_ms=bench.clock.now_ms() - 1))
    assert late == Stale()
    assert bench.carrier.calls == {}
    assert bench.ask(bench.place(not_after_ms=bench.clock.now_ms())) == Placed("CA1")


def test_our_lateness_is_told_when_the_request_goes_out(bench: Bench) -> None:
    """From when it was to go out until now; calls and SMS, first tries and others apart; without a time, nothing."""
    now_ms = bench.clock.now_ms()
    for key, request, late_ms in (("r|1", CALL, 2_000), ("r|2", CALL, 700), ("s|1", MESSAGE, -5)):
        place = replace(bench.place(request), key=key, due_ms=now_ms - late_ms)
        bench.ask(place)
    bench.ask(bench.place())
    page = bench.metrics.page("")[0].decode()
    name = "ringback_post_lateness_seconds"
    assert f'{name}_sum{{try="first",what="call"}} 2.0' in page
    assert f'{name}_sum{{try="again",what="call"}} 0.7' in page
    assert f'{name}_sum{{try="first",what="sms"}} 0.0' in page
    assert f'{name}_count{{try="first",what="call"}} 1.0' in page


def test_a_gate_that_is_away_is_counted_by_its_reason(bench: Bench) -> None:
    """So that a dashboard can tell a server that is full from one that is gone."""
    bench.server.away = True
    bench.ask(enter())
    assert 'ringback_gate_unavailable_total{reason="away"} 1.0' in bench.metrics.page("")[0].decode()


def test_what_the_gate_may_miss_is_counted_from_zero(bench: Bench) -> None:
    """`rate` cannot see a counter's first step; each reason stands there before it is ever one."""
    page = bench.metrics.page()[0].decode()
    for reason in REASONS:
        assert f'ringback_gate_unavailable_total{{reason="{reason}"}} 0.0' in page


def test_a_part_of_a_fill_leaves_the_door_shut(bench: Bench) -> None:
    """Its gates stand, and the mark is left to the last part; meanwhile the fill is under way."""
    entry = GateEntry("k0", 1, gated=True, finished=True)
    assert bench.ask(FillPart("calls:3", GENERATION, ("gates", "k0"), (entry,), (), 1, 2)) is True
    assert bench.hands.filling.under_way()["calls:3"]["written"] == 1
    assert bench.ask(Fence("calls:3", 1, ("k0",))) == NotReady(GENERATION)
    assert bench.ask(Fill("calls:3", GENERATION, ())) is True
    assert bench.hands.filling.under_way() == {}
    assert bench.ask(Fence("calls:3", 1, ("k0",))) == {"k0": entry}


@pytest.mark.parametrize(
    "effect",
    [
        enter(),
        Fence("calls:3", 1, ()),
        Fill("calls:3", GENERATION, ()),
        FillPart("calls:3", GENERATION, ("gates", "k0"), (), (("o1", "CA1"),), 1, 2),
        Finish(("k1",)),
        Release("c|k1", "o1", "CA1"),
    ],
    ids=lambda effect: type(effect).__name__,
)
def test_a_gate_that_is_away_is_an_answer(bench: Bench, effect: Any) -> None:
    """Unavailable, and the hands go on."""
    bench.server.away = True
    assert isinstance(bench.ask(effect), Unavailable)
    bench.server.away = False
    assert not isinstance(bench.ask(effect), Unavailable)


@pytest.mark.parametrize(
    "effect",
    [Ask("c|k1", "call", "a", "b", 0), Fetch("c|k1", "CA1"), CancelCall("c|k1", "CA1")],
    ids=lambda effect: type(effect).__name__,
)
def test_a_carrier_that_cannot_be_asked_is_an_answer(bench: Bench, effect: Any) -> None:
    """Unavailable, nothing is known."""
    bench.carrier.away = True
    assert isinstance(bench.ask(effect), Unavailable)


def test_a_bug_is_answered_by_what_is_safe() -> None:
    """A request that broke may have been acted upon: Unknown. A question can be asked again: Unavailable."""
    bench = Bench(BrokenCarrier)
    assert isinstance(bench.ask(bench.place()), Unknown)
    assert isinstance(bench.ask(Fetch("c|k1", "CA1")), Unavailable)
    assert isinstance(bench.ask("not an effect"), Unavailable)
    bench.hands.close(1.0)


def test_close_waits_for_a_request_that_is_out() -> None:
    """Its answer comes before close returns."""
    bench = Bench(SlowCarrier)
    slow = bench.carrier
    assert isinstance(slow, SlowCarrier)
    bench.hands.submit(bench.place(), bench.answers.put)
    assert slow.begun.wait(5)
    closing = threading.Thread(target=bench.hands.close, args=(5.0,))
    closing.start()
    assert slow.let_go is not None
    bench.hands._loop.call_soon_threadsafe(slow.let_go.set)
    closing.join(5)
    assert not closing.is_alive()
    assert bench.answers.get_nowait() == Placed("CA1")


def test_what_does_not_end_by_the_deadline_is_answered_all_the_same() -> None:
    """The request may still be acted upon: Unknown, not silence."""
    bench = Bench(SlowCarrier)
    slow = bench.carrier
    assert isinstance(slow, SlowCarrier)
    bench.hands.submit(bench.place(), bench.answers.put)
    assert slow.begun.wait(5)
    bench.hands.close(0.01)
    assert isinstance(bench.answers.get_nowait(), Unknown)


def test_an_effect_handed_over_just_before_close_is_answered() -> None:
    """What was submitted counts as running, also when its turn has not come."""
    bench = Bench()
    for _ in range(50):
        bench.hands.submit(Fetch("c|k1", "CA1"), bench.answers.put)
    bench.hands.close(5.0)
    assert bench.answers.qsize() == 50


def test_hands_that_cannot_be_made_leave_no_thread() -> None:
    """The error is the maker's, and the thread ends."""

    def make_gate() -> Gate:
        raise ValueError("no such server")

    before = threading.active_count()
    with pytest.raises(ValueError, match="no such server"):
        CarrierHands(make_gate, lambda: ScriptedCarrier(ManualClock()), ManualClock())
    assert threading.active_count() == before
