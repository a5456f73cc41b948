"""How far the rebuild of the gate has come: in the log, as metrics, and for `/readyz`.

A server that lost its data is filled from the log, one owner's partition (scope, such as "calls:3") at a time; until
that is done nobody is called for it. So whoever looks at a stage that does not call must see that it is filling, how
far it is, and for how long.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from streams.metrics import Metrics
from streams.once.effects import Fill, FillPart
from streams.runtime.clock import Clock

log = logging.getLogger("ringback.gate")

LOG_EVERY_S = 2.0
# A fill of which nothing was heard for so long is not under way here: the server left, or the partition did.
FORGOTTEN_S = 5.0


@dataclass(slots=True)
class _Filling:
    began_s: float
    heard_s: float
    logged_s: float
    written: int = 0
    of: int = 0
    gates_began_s: float = 0.0

    def left_s(self, now_s: float) -> float | None:
        """Seconds to go, by the pace so far; None before the first gate is written."""
        if not self.written or now_s <= self.gates_began_s:
            return None
        return (self.of - self.written) * (now_s - self.gates_began_s) / self.written


class FillProgress:
    """The fills of one process's hands; told by their event loop, read by the thread that answers `/readyz`."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._fills: dict[str, _Filling] = {}

    def begins(self, effect: Fill | FillPart) -> None:
        """A part is about to be written."""
        now_s = self._clock.monotonic_s()
        if effect.scope not in self._active(now_s) or (
            isinstance(effect, FillPart) and effect.of < self._fills[effect.scope].of
        ):
            self._fills[effect.scope] = _Filling(now_s, now_s, now_s)
        filling = self._fills[effect.scope]
        filling.heard_s = now_s
        if effect.entries and not filling.gates_began_s:
            filling.gates_began_s = now_s

    def ends(self, effect: Fill | FillPart, written: bool) -> None:
        """The server has it; or it has another generation than the fill, which begins anew then."""
        now_s = self._clock.monotonic_s()
        filling = self._fills.get(effect.scope)
        if filling is None:
            return
        filling.heard_s = now_s
        if not written:
            log.warning("%s: the gate's server was restarted or replaced while it was filled", effect.scope)
            self._forget(effect.scope)
        elif isinstance(effect, FillPart):
            filling.written, filling.of = effect.written, effect.of
            self._tell(effect.scope, filling, now_s)
        else:
            gates = filling.written + len(effect.entries)
            took_s = now_s - filling.began_s
            log.info("%s: the gate is filled, %d gates in %.1f s", effect.scope, gates, took_s)
            stage, _, _ = effect.scope.partition(":")
            self._metrics.inc("ringback_gate_fills_total", stage=stage)
            self._forget(effect.scope)

    def under_way(self) -> dict[str, dict[str, Any]]:
        """By scope: gates written, of how many, seconds to go (None: not known yet). Empty when nothing is filled."""
        now_s = self._clock.monotonic_s()
        return {
            scope: {"written": filling.written, "of": filling.of, "left_s": _rounded(filling.left_s(now_s))}
            for scope, filling in self._active(now_s).items()
        }

    def _active(self, now_s: float) -> dict[str, _Filling]:
        return {s: f for s, f in self._fills.copy().items() if now_s - f.heard_s < FORGOTTEN_S}

    def _tell(self, scope: str, filling: _Filling, now_s: float) -> None:
        self._gauges(scope, filling.written, filling.of)
        if now_s - filling.logged_s < LOG_EVERY_S:
            return
        filling.logged_s = now_s
        left_s = filling.left_s(now_s)
        if left_s is None:
            log.info("%s: filling the gate, %d attempts read so far", scope, filling.of)
        else:
            log.info(
                "%s: filling the gate, %d of %d gates, %.0f s left",
                scope,
                filling.written,
                filling.of,
                left_s,
            )

    def _forget(self, scope: str) -> None:
        self._fills.pop(scope, None)
        self._gauges(scope, 0, 0)

    def _gauges(self, scope: str, written: int, of: int) -> None:
        stage, _, partition = scope.partition(":")
        self._metrics.set("ringback_gate_fill_written", written, stage=stage, partition=partition)
        self._metrics.set("ringback_gate_fill_of", of, stage=stage, partition=partition)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
