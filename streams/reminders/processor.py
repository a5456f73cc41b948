"""The timer stream's processor: which event goes where.

Reads `reminders.requests` and `calls.events`, and the timers in its own state; writes `reminders.due`,
`reminders.events` and `sms.outbound`. One file per purpose beside this one: `commands` (what an SMS does),
`accept`, `change`, `firing` (timers), `outcomes` (evidence about calls).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from schemas.records import CallEvent, ReminderState, Request
from streams import ids
from streams.reminders import firing, outcomes
from streams.reminders.caps import WHOLE, Share
from streams.reminders.commands import obey
from streams.reminders.conservation import note_set_aside, open_books
from streams.reminders.forgetting import forget_user
from streams.reminders.state import ENDED, find_occurrence, forget, is_seen, save_seen
from streams.reminders.turn import Turn
from streams.runtime.processor import (
    Event,
    Opened,
    Output,
    Poison,
    Record,
    Result,
    Send,
    SetAside,
    State,
    Wake,
)
from streams.tenants import Tenants


class Reminders:
    """The processor of one partition."""

    def __init__(self, tenants: Tenants, share: Share = WHOLE) -> None:
        """`share`: this partition, of how many; the tenants' caps are divided by it."""
        self._tenants = tenants
        self._share = share

    def step(self, state: State, event: Event, now_ms: int) -> Sequence[Output]:
        """React to a request, a piece of evidence or a timer. Raises Poison for an unknown tenant."""
        if isinstance(event, Record):
            if event.name == "Request":
                return self._request(state, cast(Request, event.value), now_ms)
            if event.name == "CallEvent":
                return self._evidence(state, cast(CallEvent, event.value), now_ms)
            raise Poison("unexpected_record", f"{event.name} is nothing that this stage reads")
        if isinstance(event, Wake):
            return self._wake(state, event, now_ms)
        if isinstance(event, SetAside):
            note_set_aside(state, event.key, event.value)
        elif isinstance(event, Opened):
            open_books(state)
        return ()

    def outlook(self) -> int:
        """Timers may be rehearsed: beside state and time their steps depend on the tenants alone."""
        return self._tenants.version

    def late(self, result: Result, now_ms: int) -> Iterable[Send]:  # noqa: ARG002
        return ()

    def _request(self, state: State, request: Request, now_ms: int) -> Sequence[Output]:
        user, reminder_id = request["user"], ids.reminder_id(request["message_sid"])
        if is_seen(state, user, reminder_id):
            return ()
        turn = self._turn(state, request["tenant"], user, now_ms)
        if not obey(turn, request, reminder_id):
            save_seen(state, reminder_id, now_ms)
        turn.keep_profile()
        return turn.out

    def _evidence(self, state: State, event: CallEvent, now_ms: int) -> Sequence[Output]:
        if event["state"] in outcomes.NO_NEWS:
            return ()
        found = find_occurrence(state, event["user"], event["reminder_id"], event["due_at"])
        if found is None:  # forgotten: its time of late evidence is over
            return ()
        key, reminder = found
        turn = self._turn(state, reminder["tenant"], reminder["user"], now_ms)
        outcomes.learn(turn, key, reminder, event)
        turn.keep_profile()
        return turn.out

    def _wake(self, state: State, wake: Wake, now_ms: int) -> Sequence[Output]:
        if wake.key.startswith("m|"):
            state.delete(wake.key)
            return ()
        if wake.key.startswith("p|"):
            forget_user(state, wake.key, now_ms)
            return ()
        reminder = cast(ReminderState, wake.value)
        if reminder["status"] == ENDED:
            forget(state, wake.key, reminder, now_ms)
            return ()
        turn = self._turn(state, reminder["tenant"], reminder["user"], now_ms)
        firing.wake(turn, wake.key, reminder)
        turn.keep_profile()
        return turn.out

    def _turn(self, state: State, tenant_id: str, user: str, now_ms: int) -> Turn:
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            raise Poison("unknown_tenant", f"no tenant {tenant_id!r}")
        return Turn(state, now_ms, tenant, user, self._share)
