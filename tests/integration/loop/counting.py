"""The stage that the loop's tests run: it counts events per key, sets timers, fails on request.

Input `{name}.in` and output `{name}.out` hold ReminderEvents, since tests define no schemas of their own. An input's
`type` says what its step does:

    COUNT   state: one more for this key; output: the same event_id, type COUNTED, number = the count
    WAKE    a timer at `due_at`; when it fires: output WOKEN, due_at = what was asked, at = the clock
    BAD_WAKE  the same, but its wake raises         RAISE   the step writes, then raises
    REFUSE  the step raises Poison                  HUGE    the output is larger than the broker takes
    DO      an effect; its answer becomes output DONE
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.runtime.processor import Do, Event, Opened, Output, Poison, Record, Result, Send, State, Wake
from streams.topology import DAY_MS, Stage, Topic

STATE = "EpochState"


def stage_called(name: str) -> Stage:
    source = Topic(f"{name}.in", "user", "ReminderEvent", 7 * DAY_MS)
    out = Topic(f"{name}.out", "user", "ReminderEvent", 7 * DAY_MS)
    return Stage(name, (source,), (out,), "counts", tables=())


class Counting:
    """A `Processor`. It keeps nothing but what is in `state`."""

    def __init__(self, out: str) -> None:
        self._out = out

    def step(self, state: State, event: Event, now_ms: int) -> Iterator[Output]:
        if isinstance(event, Record):
            yield from self._record(state, event.value)
        elif isinstance(event, Wake):
            yield from self._wake(state, event, now_ms)
        elif isinstance(event, Result):
            yield self._send({**event.effect, "type": "DONE", "reason": event.answer})
        elif isinstance(event, Opened):
            return

    def _record(self, state: State, value: dict[str, Any]) -> Iterator[Output]:
        kind = value["type"]
        if kind in ("WAKE", "BAD_WAKE"):
            key = f"timer|{value['user']}|{value['event_id']}"
            state.put(key, STATE, {"epoch": int(kind == "BAD_WAKE"), "wake_at": value["due_at"]})
            return
        if kind == "REFUSE":
            raise Poison("refused", "on request")
        if kind == "DO":
            yield Do(value)
            return
        key = f"count|{value['user']}"
        count = (state.get(key) or {"epoch": 0})["epoch"] + 1
        state.put(key, STATE, {"epoch": count, "wake_at": None})
        yield self._send({**value, "type": "COUNTED", "number": count})
        if kind == "RAISE":
            raise ValueError("on request")
        if kind == "HUGE":
            yield self._send({**value, "reason": "x" * 1_200_000})

    def _wake(self, state: State, wake: Wake, now_ms: int) -> Iterator[Output]:
        _, user, event_id = wake.key.split("|", 2)
        state.delete(wake.key)
        if wake.value["epoch"]:
            raise ValueError("on request")
        fact = event("WOKEN", user, event_id, due_at=wake.value["wake_at"])
        yield self._send({**fact, "at": now_ms})

    def late(self, result: Result, _now_ms: int) -> Iterator[Send]:
        yield self._send({**result.effect, "type": "LATE", "reason": result.answer})

    def _send(self, value: dict[str, Any]) -> Send:
        return Send(self._out, value["user"], "ReminderEvent", value)


def event(kind: str, user: str, event_id: str, due_at: int | None = None) -> dict[str, Any]:
    """A ReminderEvent; `user` is the key. Keys and ids here hold no bar, which parts a timer's name."""
    fields = ("reminder_id", "message_sid", "attempt", "try", "charged", "number", "reason")
    return {
        "event_id": event_id,
        "type": kind,
        "tenant": "t",
        "user": user,
        "due_at": due_at,
        "at": 0,
        **dict.fromkeys(fields),
    }
