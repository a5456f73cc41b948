"""Requests to the carrier, each sent once, in a bounded window, under the controllers of the account.

    room in the window? ── no ──▶ wait, at most as long as the claim is young ──▶ Stale: NOT_SENT, claim_too_old
          │ yes
    breaker closed? ── no ──▶ NotSent("breaker_open")
          │ yes
    the request ──▶ its result ──▶ told to the controllers

Who slows down when the window is full: the requests behind it, for the rest of their claim's two seconds; then they end
unsent and their attempts come again by the timer stream. So a slow carrier holds up to a window of requests and nothing
else: the loop polls, other claims go on. Waiting is done here and not in the connection pool, whose queue would send a
request when its claim is long too old.
"""

from __future__ import annotations

import asyncio
from collections import deque

from streams.control.account import AccountControls
from streams.once.carrier import CallRequest, Carrier, NotSent, PlaceResult
from streams.once.effects import Place, Stale
from streams.runtime.clock import Clock
from streams.runtime.failpoints import failpoint

BREAKER_OPEN = NotSent("breaker_open")


class Placing:
    """All methods on one event loop."""

    def __init__(self, carrier: Carrier, controls: AccountControls, clock: Clock) -> None:
        self._carrier, self._controls, self._clock = carrier, controls, clock
        self._out = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    async def place(self, effect: Place) -> PlaceResult | Stale:
        """Send the request once. Raises nothing of the network's; what else is raised leaves it unknown."""
        if not self._queue and self._out < self._controls.limit:
            self._out += 1
        elif not await self._room(effect.not_after_ms):
            self._controls.held_back()
            return Stale()
        try:
            return await self._send(effect)
        finally:
            self._give_back()

    async def _send(self, effect: Place) -> PlaceResult | Stale:
        sent_ms = self._clock.now_ms()
        # The last look at the clock before the request: after it, a pause of any length ends as UNKNOWN at worst.
        if sent_ms > effect.not_after_ms:
            return Stale()
        token = self._controls.enter(sent_ms)
        if token is None:
            return BREAKER_OPEN
        result, started_s = None, self._clock.monotonic_s()
        try:
            result = await send(effect, self._carrier)
            return result
        finally:
            latency_ms = (self._clock.monotonic_s() - started_s) * 1000
            self._controls.leave(token, result, sent_ms, latency_ms, self._clock.now_ms())

    async def _room(self, not_after_ms: int) -> bool:
        """Wait for a place in the window, first come, first served; False when the claim is too old by then, or we
        are closed: then it is certain that nothing was sent."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        left_s = max(0.0, (not_after_ms - self._clock.now_ms()) / 1000)
        try:
            await asyncio.wait([turn], timeout=left_s)
        except asyncio.CancelledError:
            if turn.done():
                self._give_back()
            turn.cancel()
            return False
        return turn.done() or not turn.cancel()

    def _give_back(self) -> None:
        """A place is free: hand it to who waits."""
        self._out -= 1
        while self._queue and self._out < self._controls.limit:
            turn = self._queue.popleft()
            if not turn.done():
                self._out += 1
                turn.set_result(None)


async def send(effect: Place, carrier: Carrier) -> PlaceResult:
    """The request itself."""
    failpoint("hands.2-checked")
    if isinstance(effect.request, CallRequest):
        result = await carrier.place_call(effect.request)
    else:
        result = await carrier.send_message(effect.request)
    failpoint("hands.3-answered")
    return result
