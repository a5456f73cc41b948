"""The gateway's answer to a call that was picked up: the production machine, with time between its steps (step 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from streams.ids import CallKey, user_number
from streams.once.answering import GiveWords, ReadGate, Reply, WhichLife, Words, pick_up, step
from streams.once.effects import Unavailable
from streams.once.gate import GateUnavailable
from tests.unit.streams.calls.line import Line
from tests.unit.streams.once.world import now


def answering(
    line: Line, key: CallKey, user: str, sid: str, stored: Callable[[], bool], heard: Callable[[], None]
) -> Iterator[None]:
    """Each `next` is a step. `stored()`: does Kafka take ANSWERED; `heard()`: the words are spoken."""
    picked, wanted = pick_up(key, sid, user_number(user))
    following: Any = wanted
    while not isinstance(following, Reply):
        picked, following = step(picked, _run(line, following, key, user, sid, stored))
        yield
    if isinstance(following, Words):
        heard()
        yield
        line.callback(key, "TOLD", sid, user)


def _run(line: Line, effect: Any, key: CallKey, user: str, sid: str, stored: Callable[[], bool]) -> Any:
    try:
        match effect:
            case WhichLife():
                return now(line.gate.generation())
            case ReadGate(gate_key):
                return now(line.gate.read(gate_key))
            case GiveWords(occurrence, asks, generation):
                return now(line.gate.answer(occurrence, asks, generation))
    except GateUnavailable as away:
        return Unavailable(str(away))
    confirmed = stored()
    if confirmed:
        line.callback(key, "ANSWERED", sid, user)
    return confirmed
