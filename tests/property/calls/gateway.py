"""The gateway's answer to a call that was picked up, as steps between which anything may happen (step 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from streams.ids import CallKey
from streams.once.gate import GateUnavailable
from tests.unit.streams.calls.line import Line
from tests.unit.streams.once.world import now


def answering(
    line: Line, key: CallKey, user: str, sid: str, stored: Callable[[], bool], heard: Callable[[], None]
) -> Iterator[None]:
    """Each `next` is a step. `stored()`: does Kafka take ANSWERED; `heard()`: the words are spoken."""
    occurrence = str(key.occurrence)
    try:
        generation = now(line.gate.generation())
        yield
        entry = now(line.gate.read(str(key)))
        if entry is None or not entry.gated:
            return
        yield
        if now(line.gate.answer(occurrence, sid, generation)) != sid:
            return
        yield
        if not stored():
            return
        line.callback(key, "ANSWERED", sid, user)
        yield
        if now(line.gate.answer(occurrence, sid, generation)) != sid or now(line.gate.read(str(key))) is None:
            return
    except GateUnavailable:
        return
    heard()
    yield
    line.callback(key, "TOLD", sid, user)
