"""Requests to the carrier: each once, in a bounded window, under the breaker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from connectors.placing import BREAKER_OPEN, Placing
from streams.control.account import AccountControls
from streams.control.breaker import LEAST_FAILURES
from streams.control.modes import Mode, Modes
from streams.once.carrier import CallRequest, NotSent, Placed, PlaceResult, Refused, Unknown
from streams.once.effects import Place, Stale
from streams.runtime.clock import ManualClock
from tests.unit.streams.once.scripted import ScriptedCarrier

CLAIM_MS = 2_000


class Doors(ScriptedCarrier):
    """Answers a request when its door is opened, with what the test wants."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.asked: list[asyncio.Future[PlaceResult]] = []

    async def place_call(self, request: CallRequest) -> PlaceResult:  # noqa: ARG002
        door: asyncio.Future[PlaceResult] = asyncio.get_running_loop().create_future()
        self.asked.append(door)
        return await door


class Desk:
    def __init__(self, connections: int = 2, modes: Modes | None = None) -> None:
        self.clock = ManualClock()
        self.carrier = Doors(self.clock)
        self.controls = AccountControls("call", modes, connections=connections)
        self.placing = Placing(self.carrier, self.controls, self.clock)

    def place(self, for_ms: int = CLAIM_MS) -> asyncio.Task[PlaceResult | Stale]:
        now_ms = self.clock.now_ms()
        request = CallRequest("+14155550101", "+14155550100", "k", "", "", 30)
        return asyncio.ensure_future(self.placing.place(Place("c|k", "k", now_ms, now_ms + for_ms, request)))

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def answered(self, result: PlaceResult) -> PlaceResult | Stale:
        """One request that is answered so."""
        task = self.place()
        await self.settle()
        if not task.done():
            self.carrier.asked[-1].set_result(result)
        return await task


def scene(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())  # type: ignore[arg-type]  # a coroutine function's

    run.__doc__ = test.__doc__
    return run


@scene
async def test_no_more_are_out_than_the_window_holds() -> None:
    """The third waits until one of two is answered, and is then sent at once."""
    desk = Desk(connections=2)
    first, second, third = desk.place(), desk.place(), desk.place()
    await desk.settle()
    assert len(desk.carrier.asked) == 2
    assert desk.controls.in_flight == 2
    desk.carrier.asked[0].set_result(Placed("CA1"))
    await desk.settle()
    assert len(desk.carrier.asked) == 3
    for number in (1, 2):
        desk.carrier.asked[number].set_result(Placed(f"CA{number + 1}"))
    assert [await task for task in (first, second, third)] == [Placed("CA1"), Placed("CA2"), Placed("CA3")]
    assert desk.controls.in_flight == 0


@scene
async def test_who_waits_longer_than_the_claim_lives_is_not_sent() -> None:
    """A slow carrier costs a try that is known not to be sent, never a late call."""
    desk = Desk(connections=1)
    slow, late = desk.place(), desk.place(for_ms=20)
    assert await late == Stale()
    assert len(desk.carrier.asked) == 1
    desk.carrier.asked[0].set_result(Placed("CA1"))
    assert await slow == Placed("CA1")
    next_ = desk.place()
    await desk.settle()
    assert len(desk.carrier.asked) == 2  # the place of the late one was not lost
    desk.carrier.asked[1].set_result(Placed("CA2"))
    await next_


@scene
async def test_a_clock_that_jumped_while_it_waited_sends_nothing() -> None:
    """The claim is looked at when there is room, not when the request was asked for."""
    desk = Desk(connections=1)
    slow, waiting = desk.place(), desk.place()
    await desk.settle()
    desk.clock.advance(CLAIM_MS / 1000 + 0.001)
    desk.carrier.asked[0].set_result(Placed("CA1"))
    assert await slow == Placed("CA1")
    assert await waiting == Stale()
    assert len(desk.carrier.asked) == 1


@scene
async def test_closed_while_it_waits_is_not_unknown() -> None:
    """What certainly was not sent needs no resolving."""
    desk = Desk(connections=1)
    slow, waiting = desk.place(), desk.place()
    await desk.settle()
    waiting.cancel()
    assert await waiting == Stale()
    desk.carrier.asked[0].set_result(Placed("CA1"))
    await slow
    assert await desk.answered(Placed("CA2")) == Placed("CA2")


@scene
async def test_a_request_that_was_cancelled_gives_its_place_back() -> None:
    """And counts as one whose outcome is unknown."""
    desk = Desk(connections=1)
    task = desk.place()
    await desk.settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await desk.answered(Placed("CA1")) == Placed("CA1")
    assert desk.controls.in_flight == 0


@scene
async def test_an_open_breaker_sends_nothing_and_says_so() -> None:
    """NOT_SENT with its own reason: certain, and not the carrier's doing."""
    desk = Desk()
    for _ in range(LEAST_FAILURES):
        assert await desk.answered(Unknown("timeout")) == Unknown("timeout")
    assert await desk.answered(Placed("CA1")) == BREAKER_OPEN
    assert len(desk.carrier.asked) == LEAST_FAILURES


@pytest.mark.parametrize("mode", ["off", "shadow"])
def test_in_shadow_everything_is_sent(mode: Mode) -> None:
    """It decides, and does nothing."""

    async def play() -> None:
        desk = Desk(modes=Modes(breaker=mode))
        for _ in range(3 * LEAST_FAILURES):
            assert await desk.answered(NotSent("refused")) == NotSent("refused")
        assert len(desk.carrier.asked) == 3 * LEAST_FAILURES
        assert desk.controls.in_flight == 0

    asyncio.run(play())


@scene
async def test_a_refused_account_stops_all_requests_at_once() -> None:
    """One wrong token is enough to know that every other request would be refused."""
    desk = Desk()
    await desk.answered(Refused(20003, "HTTP 401, carrier error 20003"))
    assert await desk.answered(Placed("CA1")) == BREAKER_OPEN


@scene
async def test_a_refused_number_stops_nothing() -> None:
    """A carrier that says no to a number is well."""
    desk = Desk()
    for _ in range(3 * LEAST_FAILURES):
        await desk.answered(Refused(21211, "HTTP 400, carrier error 21211"))
    assert await desk.answered(Placed("CA1")) == Placed("CA1")


@scene
async def test_no_room_shrinks_the_window_and_does_not_open_the_breaker() -> None:
    """429 says that the carrier is there."""
    desk = Desk(connections=100)
    for _ in range(3 * LEAST_FAILURES):
        desk.clock.advance(1)
        await desk.answered(NotSent("429"))
    assert desk.controls.limit < 100
    assert await desk.answered(Placed("CA1")) == Placed("CA1")
