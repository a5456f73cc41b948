"""What a key pressed during the call does: 1 is done, 2 is ten minutes more, 9 is never again.

A press is an ANSWERED record with `digits`; the same call and key twice is one press, remembered with the occurrence.
The gateway has already said what will come of it, so what cannot be done is told by SMS.
"""

from __future__ import annotations

from schemas.records import CallEvent, ReminderState
from streams import ids
from streams.keypad import NEVER, SNOOZE
from streams.reminders.accept import schedule
from streams.reminders.change import SNOOZE_MS, next_occurrence, unused
from streams.reminders.limits import day_is_full
from streams.reminders.profile import add_word
from streams.reminders.state import reminder_key, save
from streams.reminders.turn import Turn

KEPT_PRESSES = 8  # three keys of one call, or of two


def is_new_press(reminder: ReminderState, event: CallEvent) -> bool:
    """Was a key pressed in a call of this occurrence, and is it not known yet?"""
    return event["state"] == "ANSWERED" and bool(event["digits"]) and _press(event) not in reminder["pressed"]


def opt_out(turn: Turn, reminder: ReminderState, event: CallEvent) -> None:
    """If the key was the one that says never: as STOP by SMS, in force from the instant of the press. Comes before all
    else that the record leads to, which is then put out for a user who opted out."""
    if event["digits"] != NEVER:
        return
    in_force = add_word(turn.profile, _pressed_at(turn, event), out=True)
    turn.save_profile()
    if not in_force:
        return
    cause = _cause(reminder, event)
    turn.fact("OPTED_OUT", reminder, cause=cause, reason="key_pressed")
    if turn.tenant.stop_reply:
        text = turn.say("stopped")
        turn.sms(text, reminder["from"], cause=cause, in_reply_to=reminder["reminder_id"], kind="stop")


def act(turn: Turn, key: str, reminder: ReminderState, event: CallEvent) -> None:
    """Remember the press, and do what else it asks for. DONE asks for no more: who was answered has been called."""
    reminder["pressed"] = [*reminder["pressed"], _press(event)][-KEPT_PRESSES:]
    save(turn.state, key, reminder)
    if event["digits"] == SNOOZE and not reminder["superseded"]:  # else it was snoozed by SMS meanwhile
        _snooze(turn, reminder, event)


def _snooze(turn: Turn, reminder: ReminderState, event: CallEvent) -> None:
    cause = _cause(reminder, event)
    if day_is_full(turn):
        text = turn.say("user_cap")
        turn.sms(text, reminder["from"], cause=cause, in_reply_to=reminder["reminder_id"], kind="follow_up")
        return
    reminder = next_occurrence(turn, reminder)
    due_at = unused(turn, reminder, _pressed_at(turn, event) + SNOOZE_MS)
    schedule(turn, reminder_key(turn.user, reminder["reminder_id"]), reminder, due_at)
    turn.fact("CHANGED", reminder, cause=cause, reason="snoozed")


def _press(event: CallEvent) -> str:
    return f"{event['call_sid']} {event['digits']}"


def _cause(reminder: ReminderState, event: CallEvent) -> str:
    return f"{ids.Occurrence(reminder['reminder_id'], reminder['due_at'])}|{_press(event)}"


def _pressed_at(turn: Turn, event: CallEvent) -> int:
    """Epoch ms; by no clock that is ahead of ours."""
    return min(event["at"], turn.now_ms)
