"""The hands of `calls` and `replies`: runs effects against the gate and the carrier, on one event loop in a thread.

asyncio, because an effect is nearly all waiting: hundreds of requests to a slow carrier cost one thread, and the
loop's thread keeps polling meanwhile. What may be out at once is bounded by the claims of the processors.

Failpoints (streams/runtime/failpoints.py), for tests: `hands.0-claimed` before the gate is asked, `hands.1-gated` when
it has said yes, `hands.2-checked` behind the last look at the clock, right before the request, `hands.3-answered` when
the carrier has answered and nobody knows it yet.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from connectors.event_loop import new_event_loop
from connectors.gate.progress import FillProgress
from connectors.placing import Placing
from streams.control.account import AccountControls
from streams.metrics import Metrics, NoMetrics
from streams.once.carrier import CallRequest, Carrier, CarrierUnavailableError, Unknown
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
    Unavailable,
)
from streams.once.gate import REASONS, Gate, GateUnavailable, NotReady, Passed
from streams.runtime.clock import Clock
from streams.runtime.effects import Done
from streams.runtime.failpoints import failpoint

log = logging.getLogger("ringback.hands")


class CarrierHands:
    """`Hands` for effects of streams.once. `make_gate` and `make_carrier` are called on the event loop; `controls`
    are those of the carrier's account."""

    def __init__(
        self,
        make_gate: Callable[[], Gate],
        make_carrier: Callable[[], Carrier],
        clock: Clock,
        metrics: Metrics | None = None,
        controls: AccountControls | None = None,
    ) -> None:
        self._clock = clock
        self._metrics = metrics or NoMetrics()
        for reason in REASONS:  # `rate` cannot see the first step of a counter that was not there before
            self._metrics.inc("ringback_gate_unavailable_total", 0, reason=reason)
        self.filling = FillProgress(self._metrics, clock)
        controls = controls or AccountControls("call")
        self._loop = new_event_loop()
        self._running: set[asyncio.Task[None]] = set()
        self._submitted: deque[tuple[Any, Done]] = deque()
        self._woken = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="hands", daemon=True)
        self._thread.start()

        async def connect() -> None:
            # Clients belong to the loop that they are made in.
            self._gate, self._carrier = make_gate(), make_carrier()
            self._placing = Placing(self._carrier, controls, clock)

        try:
            asyncio.run_coroutine_threadsafe(connect(), self._loop).result()
        except BaseException:
            self._end(1.0)
            raise

    def submit(self, effect: Any, done: Done) -> None:
        self._submitted.append((effect, done))
        if not self._woken:  # once for all that is submitted until it has woken
            self._woken = True
            self._loop.call_soon_threadsafe(self._start_all)

    def _start_all(self) -> None:
        self._woken = False  # first: who submits from now on wakes it again, and is perhaps taken now
        while self._submitted:
            self._start(*self._submitted.popleft())

    def _start(self, effect: Any, done: Done) -> None:
        task = self._loop.create_task(self._answer(effect, done))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, effect: Any, done: Done) -> None:
        """Every effect is answered exactly once, whatever happens."""
        answer: Any
        try:
            self._begins(effect)
            if isinstance(effect, Place):
                answer = await self._placing.place(effect)
            else:
                answer = await run(effect, self._gate, self._carrier)
            if isinstance(effect, Fill | FillPart):
                self.filling.ends(effect, answer)
        except (GateUnavailable, CarrierUnavailableError) as error:
            log.warning("%s: %s", type(effect).__name__, error)
            if isinstance(error, GateUnavailable):
                self._metrics.inc("ringback_gate_unavailable_total", reason=error.reason)
            answer = Unavailable(str(error))
        except asyncio.CancelledError:
            answer = nothing_known(effect, "closed while it ran")
        except Exception as bug:
            log.exception("%s failed", type(effect).__name__)
            answer = nothing_known(effect, repr(bug))
        done(answer)

    def _begins(self, effect: Any) -> None:
        match effect:
            case Place(due_ms=int(due_ms)):
                what = "call" if isinstance(effect.request, CallRequest) else "sms"
                late_s = max(0, self._clock.now_ms() - due_ms) / 1000
                self._metrics.observe(
                    "ringback_post_lateness_seconds",
                    late_s,
                    what=what,
                    **{"try": "first" if effect.is_first_try else "again"},
                )
            case Fill() | FillPart():
                self.filling.begins(effect)

    def close(self, deadline_s: float) -> None:
        """Wait for what is running, at most `deadline_s`; what is not done by then is answered all the same."""

        async def finish() -> None:
            running = self._running.copy()
            if running:
                _, late = await asyncio.wait(running, timeout=deadline_s)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)
            for part in (self._gate, self._carrier):
                close: Callable[[], Coroutine[Any, Any, None]] | None = getattr(part, "close", None)
                if close is not None:
                    await close()

        asyncio.run_coroutine_threadsafe(finish(), self._loop).result(deadline_s + 5.0)
        self._end(deadline_s)

    def _end(self, deadline_s: float) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(deadline_s + 1.0)
        self._loop.close()


async def run(effect: Any, gate: Gate, carrier: Carrier) -> Any:
    """The answer of one effect; requests are sent by Placing. Raises GateUnavailable or CarrierUnavailableError, and
    TypeError for what is no such effect."""
    match effect:
        case Enter():
            await _sleep_ms(effect.delay_ms)
            failpoint("hands.0-claimed")
            verdict = await gate.enter(
                effect.scope, effect.key, effect.epoch, effect.token, effect.say, effect.cap
            )
            if isinstance(verdict, Passed):
                failpoint("hands.1-gated")
            return verdict
        case Fence():
            stood = await gate.fence(effect.scope, effect.epoch, effect.keys)
            # Asked after the fence: a server that was filled in another life has forgotten gates.
            if not await gate.ready(effect.scope):
                return NotReady(await gate.generation())
            return stood
        case Fill():
            return await gate.fill(effect.scope, effect.generation, effect.entries, effect.answers)
        case FillPart():
            return await gate.fill(
                effect.scope, effect.generation, effect.entries, effect.answers, last=False
            )
        case Finish():
            return await gate.finish(effect.keys)
        case Release():
            return await gate.release(effect.occurrence, effect.sid)
        case Ask(kind="call"):
            return await carrier.find_calls(effect.to, effect.from_, effect.created_after_ms)
        case Ask():
            return await carrier.find_messages(effect.to, effect.from_, effect.created_after_ms)
        case Fetch():
            return await carrier.fetch_call(effect.sid)
        case FetchMessage():
            return await carrier.fetch_message(effect.sid)
        case CancelCall():
            return await carrier.cancel(effect.sid)
    raise TypeError(f"not an effect: {effect!r}")


def nothing_known(effect: Any, why: str) -> Unknown | Unavailable:
    """For a request on its way nothing is known; anything else is safe to ask again."""
    return Unknown(why) if isinstance(effect, Place) else Unavailable(why)


async def _sleep_ms(delay_ms: int) -> None:
    if delay_ms > 0:
        await asyncio.sleep(delay_ms / 1000)
