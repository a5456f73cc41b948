"""The controllers of one carrier account at one member, for one kind of request: calls, or messages.

Asked twice for each attempt: by its owner before the claim (`Admission`, on the loop's thread), and by the hands before
and after the request (`enter`, `leave`, on theirs). Hence one lock; every method takes microseconds and none waits.

Decisions are counted (`ringback_control_decisions_total`) and logged when something changes. A controller in shadow is
fed and decides like one that is on; what it says is not done.
"""

from __future__ import annotations

import logging
import threading
from typing import Final, get_args

from streams.control.admission import Timing
from streams.control.breaker import PLAIN, Breaker, State
from streams.control.budget import RetryBudget
from streams.control.concurrency import ConcurrencyLimit
from streams.control.modes import MODES, Modes
from streams.control.timeout import AdaptiveTimeout
from streams.metrics import Metrics, NoMetrics
from streams.once.carrier import THROTTLED, NotSent, Placed, PlaceResult, Refused
from streams.once.carrier_codes import TABLE, Code, decide
from streams.once.gate import Cap
from streams.retry import full_jitter_ms

log = logging.getLogger("ringback.control")

# Those who wait do not come back in one moment: over so much time at most, after a short wait over less.
SPREAD_MS, LEAST_SPREAD_MS = 15_000, 3_000
TELL_EVERY_MS: Final = 60_000
LONGEST_PAUSE_MS: Final = 30_000  # that a Retry-After may ask of all claims
DECISIONS: Final[dict[str, tuple[str, ...]]] = {
    "breaker": ("wait", "refuse", *get_args(State)),
    "budget": ("wait", "go"),
    "timeout": ("longer",),
    "concurrency": ("wait", "shrink", "too_late"),
}
_STATES: Final[dict[State, int]] = {"closed": 0, "half_open": 1, "open": 2}


class AccountControls:
    """`kind`: "call" or "message"; `connections`: what the pool holds; `read_ms`, `read_cap_ms`: AdaptiveTimeout's."""

    def __init__(
        self,
        kind: str,
        modes: Modes | None = None,
        *,
        connections: int = 100,
        read_ms: int = 15_000,
        read_cap_ms: int = 60_000,
        seed: str = "",
        metrics: Metrics | None = None,
    ) -> None:
        self.kind = kind
        self.modes = modes or Modes()
        self._metrics = metrics or NoMetrics()
        self._lock = threading.Lock()
        self._read_ms = read_ms
        self._breaker = Breaker(f"{kind}|{seed}")
        self._shown: State = "closed"
        self._budgets: dict[str, tuple[float, RetryBudget]] = {}
        self._timeout = AdaptiveTimeout(read_ms, read_cap_ms)
        self._window = ConcurrencyLimit(connections)
        self._told_ms: dict[int, int] = {}
        self._pause_until_ms = 0
        self.in_flight = 0
        self._count_from_zero()

    def _count_from_zero(self) -> None:
        """`rate` cannot see the first step of a counter that was not there before, and the first may be the one that
        matters: a decision, a refusal that is ours to mend."""
        for controller, decisions in DECISIONS.items():
            mode = getattr(self.modes, controller)
            for decision in decisions if mode != "off" else ():
                self._decided(controller, mode, decision, 0)
        for code in TABLE.values():
            if code.then == "hold":
                self._count_refused(code, 0)

    # -- before a claim

    def wait_ms(self, key: str, cap: Cap, timing: Timing, now_ms: int) -> int:
        with self._lock:
            return (
                self._breaker_says(key, now_ms)
                or self._carrier_says(key, now_ms)
                or self._budget_says(key, cap, timing, now_ms)
            )

    def claimed(self, cap: Cap, timing: Timing, now_ms: int) -> None:
        with self._lock:
            self._breaker.reserve(now_ms)
            budget = self._budget(cap, now_ms)
            if self._is_again(timing):
                budget.again(now_ms)
            else:
                budget.first(now_ms)

    def unsent(self, reason: str) -> None:
        self._metrics.inc("ringback_unsent_total", kind=self.kind, reason=reason.partition(":")[0])

    def _breaker_says(self, key: str, now_ms: int) -> int:
        mode = self.modes.breaker
        wait_ms = 0 if mode == "off" else self._breaker.wait_ms(now_ms)
        if not wait_ms:
            return 0
        self._decided("breaker", mode, "wait")
        return (
            _spread(key, wait_ms, now_ms, min(SPREAD_MS, max(LEAST_SPREAD_MS, wait_ms)))
            if mode == "on"
            else 0
        )

    def _carrier_says(self, key: str, now_ms: int) -> int:
        """It asked us to come back later (Retry-After, RFC 9110, 10.2.3)."""
        mode, wait_ms = self.modes.concurrency, self._pause_until_ms - now_ms
        if mode == "off" or wait_ms <= 0:
            return 0
        self._decided("concurrency", mode, "wait")
        return _spread(key, wait_ms, now_ms) if mode == "on" else 0

    def _budget_says(self, key: str, cap: Cap, timing: Timing, now_ms: int) -> int:
        mode = self.modes.budget
        if mode == "off" or not self._is_again(timing):
            return 0
        wait_ms = self._budget(cap, now_ms).wait_ms(now_ms)
        self._decided("budget", mode, "wait" if wait_ms else "go")
        return _spread(key, wait_ms, now_ms) if wait_ms and mode == "on" else 0

    def _is_again(self, timing: Timing) -> bool:
        """A try after one that was not sent, or an attempt that an outage has left behind."""
        return timing.try_ > 1 or timing.start_at < self._breaker.closed_at

    def _budget(self, cap: Cap, now_ms: int) -> RetryBudget:
        per_second, budget = self._budgets.get(cap.account) or (None, None)
        if budget is None or per_second != cap.per_second:  # the operator gave the tenant another cap
            budget = RetryBudget(cap.per_second, now_ms)
            self._budgets[cap.account] = cap.per_second, budget
        return budget

    # -- before and after a request

    @property
    def limit(self) -> int:
        """How many requests may be out at once."""
        return self._window.limit if self.modes.concurrency == "on" else self._window.cap

    def read_ms(self, now_ms: int) -> int:
        """The read timeout of a request that is sent now."""
        if self.modes.timeout == "off":
            return self._read_ms
        with self._lock:
            wanted_ms = self._timeout.timeout_ms(now_ms)
        if wanted_ms != self._read_ms:
            self._decided("timeout", self.modes.timeout, "longer")
        return wanted_ms if self.modes.timeout == "on" else self._read_ms

    def enter(self, now_ms: int) -> int | None:
        """None: no request may be sent now. Else a token, with which `leave` must follow."""
        mode = self.modes.breaker
        with self._lock:
            token = PLAIN if mode == "off" else self._breaker.enter(now_ms)
            if token is None:
                self._decided("breaker", mode, "refuse")
                if mode == "on":
                    return None
                token = PLAIN
            self.in_flight += 1
            return token

    def leave(
        self, token: int, result: PlaceResult | None, sent_ms: int, latency_ms: float, now_ms: int
    ) -> None:
        """What came of the request that was sent at `sent_ms`; None: nothing is known."""
        refused = decide(result.code) if isinstance(result, Refused) else None
        no_room = isinstance(result, NotSent) and result.reason == THROTTLED
        no_room = no_room or (refused is not None and refused.then == "slow")
        answered = isinstance(result, Placed | Refused) or no_room
        failed = None if no_room else not answered
        with self._lock:
            in_flight, self.in_flight = self.in_flight, self.in_flight - 1
            if self.modes.breaker != "off":
                self._breaker.leave(token, failed, now_ms)
                if refused is not None and refused.account:
                    self._breaker.trip(now_ms, f"carrier error {refused.code}: {refused.meaning}")
                self._tell_state(now_ms)
            if self.modes.concurrency != "off":
                if isinstance(result, NotSent) and result.retry_after_s:
                    pause_ms = min(LONGEST_PAUSE_MS, round(result.retry_after_s * 1000))
                    self._pause_until_ms = max(self._pause_until_ms, now_ms + pause_ms)
                if no_room and self._window.no_room(sent_ms, now_ms):
                    self._decided("concurrency", self.modes.concurrency, "shrink")
                elif answered:
                    self._window.answered(in_flight)
            if self.modes.timeout != "off" and not isinstance(result, NotSent):
                self._timeout.observe(latency_ms, answered, now_ms)
        outcome = "throttled" if no_room else _OUTCOMES.get(type(result), "unknown")
        self._metrics.observe(
            "ringback_carrier_request_seconds", latency_ms / 1000, kind=self.kind, outcome=outcome
        )
        if refused is not None:
            self._refused(refused, now_ms)

    def held_back(self) -> None:
        """A claim grew too old while it waited for room among the requests: it was not sent."""
        self._decided("concurrency", self.modes.concurrency, "too_late")

    # -- telling

    def _decided(self, controller: str, mode: str, decision: str, count: int = 1) -> None:
        self._metrics.inc(
            "ringback_control_decisions_total",
            count,
            kind=self.kind,
            controller=controller,
            mode=mode,
            decision=decision,
        )

    def _tell_state(self, now_ms: int) -> None:
        state = self._breaker.state(now_ms)
        if state == self._shown:
            return
        self._shown = state
        self._decided("breaker", self.modes.breaker, state)
        if state == "open":
            log.warning(
                "breaker of %ss is open (%s): %s", self.kind, self.modes.breaker, self._breaker.because
            )
        elif state == "closed":
            log.warning("breaker of %ss is closed again (%s)", self.kind, self.modes.breaker)

    def _refused(self, code: Code, now_ms: int) -> None:
        self._count_refused(code)
        if code.is_ours and now_ms - self._told_ms.get(code.code, -TELL_EVERY_MS) >= TELL_EVERY_MS:
            self._told_ms[code.code] = now_ms
            log.error(
                "the carrier refuses %ss, and that is ours to mend: %d, %s",
                self.kind,
                code.code,
                code.meaning,
            )

    def _count_refused(self, code: Code, count: int = 1) -> None:
        labels = {"kind": self.kind, "code": code.label, "then": code.then}
        self._metrics.inc("ringback_carrier_refused_total", count, **labels)

    def gauges(self, now_ms: int) -> dict[str, float]:
        """What stands there now, by metric."""
        with self._lock:
            return {
                "ringback_carrier_in_flight": self.in_flight,
                "ringback_carrier_window": self._window.limit,
                "ringback_carrier_read_timeout_seconds": self._timeout.timeout_ms(now_ms) / 1000,
                "ringback_breaker_state": _STATES[self._breaker.state(now_ms)],
            }


def _spread(key: str, wait_ms: int, now_ms: int, over_ms: int = SPREAD_MS) -> int:
    return wait_ms + full_jitter_ms(f"{key}|{now_ms}", 0, over_ms, over_ms)


_OUTCOMES = {Placed: "placed", Refused: "refused", NotSent: "not_sent"}


def show(metrics: Metrics, controls: list[AccountControls], now_ms: int) -> None:
    """Set the gauges of a process: of several members of one kind the sum of what is out, else the worst."""
    for kind in sorted({c.kind for c in controls}):
        mine = [c for c in controls if c.kind == kind]
        rows = [c.gauges(now_ms) for c in mine]
        for name in rows[0]:
            worst = min if name == "ringback_carrier_window" else max
            value = sum(r[name] for r in rows) if name.endswith("in_flight") else worst(r[name] for r in rows)
            metrics.set(name, value, kind=kind)
        for controller in Modes.__slots__:
            mode = getattr(mine[0].modes, controller)
            metrics.set("ringback_control_mode", MODES.index(mode), kind=kind, controller=controller)
