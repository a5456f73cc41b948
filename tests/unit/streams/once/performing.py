"""An effect as the hands do it: requests through the very `Placing` that sends them, its controllers off."""

from __future__ import annotations

from typing import Any, Final

from connectors.hands import run
from connectors.placing import Placing
from streams.control.account import AccountControls
from streams.control.modes import Modes
from streams.once.carrier import Carrier
from streams.once.effects import Place
from streams.once.gate import Gate
from streams.runtime.clock import Clock
from streams.runtime.processor import Count, Observe, Unresolved

CONTROLS_OFF: Final = AccountControls(
    "call", Modes(breaker="off", budget="off", timeout="off", concurrency="off")
)


async def perform(effect: Any, gate: Gate, carrier: Carrier, clock: Clock) -> Any:
    """One effect's answer. Raises GateUnavailable or CarrierUnavailableError."""
    match effect:
        case Place():
            return await Placing(carrier, CONTROLS_OFF, clock).place(effect)
        case Observe() | Count() | Unresolved():
            return None  # the loop tells it
    return await run(effect, gate, carrier)
