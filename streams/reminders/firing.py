"""A reminder's timer: fire, or say why not. What each status waits for is in `state`."""

from __future__ import annotations

from schemas.records import ReminderState
from streams.reminders.conservation import CANCELLED, FIRED
from streams.reminders.limits import may_call
from streams.reminders.profile import is_out
from streams.reminders.quiet import coming_span
from streams.reminders.state import HEARD, NO_EVIDENCE_MS, OUT, UNCONFIRMED, WAITING, save
from streams.reminders.turn import Turn


def wake(turn: Turn, key: str, reminder: ReminderState) -> None:
    """The timer of a reminder that has not ended."""
    status = reminder["status"]
    if status == WAITING:
        _fire(turn, key, reminder)
    elif status == UNCONFIRMED:
        turn.fact("EXPIRED", reminder)
        turn.end(key, reminder)
    elif status == HEARD:
        if not reminder["superseded"]:
            turn.follow_up(reminder, "untold")
        turn.end(key, reminder)
    elif status == OUT:
        _give_out_up(turn, key, reminder)


def _fire(turn: Turn, key: str, reminder: ReminderState) -> None:
    now_ms = turn.now_ms
    if now_ms < reminder["fire_at"]:  # never early, whoever woke us
        return
    if is_out(turn.profile):
        turn.fact("CANCELLED", reminder, reason="opted_out")
        turn.end(key, reminder, CANCELLED)
        return
    expires_at = reminder["expires_at"]
    if expires_at is None:
        expires_at = reminder["fire_at"] + turn.tenant.late_grace_ms
    if now_ms > expires_at:
        miss(turn, key, reminder, "late")
        return
    quiet = coming_span(turn.tenant, turn.zone, reminder["attempt"], now_ms)
    if quiet is not None and quiet.from_ms <= now_ms:
        # The hours or the zone changed, or we were away. The wait is ours, so the grace begins anew behind it.
        reminder["fire_at"] = reminder["wake_at"] = quiet.until_ms
        reminder["expires_at"] = None
        save(turn.state, key, reminder)
        return
    first_try = reminder["try"] == 1  # what the carrier did not take is not a second call
    why_not = (turn.used_up() if first_try else None) if may_call(turn) else "not_allowed"
    if why_not is not None:
        miss(turn, key, reminder, why_not)
        return
    if first_try:
        turn.spend()
    if reminder["fired_at"] is None:
        turn.count(FIRED)
    reminder["status"] = OUT
    reminder["expires_at"] = expires_at
    reminder["fired_at"] = now_ms
    reminder["wake_at"] = now_ms + NO_EVIDENCE_MS
    save(turn.state, key, reminder)
    turn.due(reminder, expires_at, quiet)
    turn.fact("FIRED", reminder, cause=f"{reminder['attempt']}|{reminder['try']}")


def miss(turn: Turn, key: str, reminder: ReminderState, reason: str) -> None:
    """Too late to call, or not to be called any more: say what the call would have said."""
    turn.fact("MISSED", reminder, reason=reason)
    turn.follow_up(reminder, "missed")
    turn.end(key, reminder)


def _give_out_up(turn: Turn, key: str, reminder: ReminderState) -> None:
    """The calls stage ends every try; that it did not for days means that its input was lost. Nothing is silent."""
    if reminder["called_off"]:
        turn.fact("CANCELLED", reminder, reason="no_evidence")
        turn.end(key, reminder)
    else:
        miss(turn, key, reminder, "no_evidence")
