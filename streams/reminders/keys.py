"""What a key pressed during the call does: 1 is done, 2 is ten minutes more, 9 is never again.

A press is an ANSWERED record with `digits`; the same call and key twice is one press, remembered with the occurrence.
The gateway has already said what will come of it, so what cannot be done is told by SMS.
"""

from __future__ import annotations

from schemas.records import CallEvent, ReminderState
from streams.keypad import NEVER, SNOOZE
from streams.reminders.accept import schedule
from streams.reminders.change import SNOOZE_MS, next_occurrence, unused
from streams.reminders.limits import day_is_full
from streams.reminders.profile import add_word
from streams.reminders.state import reminder_key, save
from streams.reminders.turn import Turn

KEPT_PRESSES = 8  # three keys of one call, or of two


def press(turn: Turn, key: str, reminder: ReminderState, event: CallEvent) -> None:
    """Act on a key that was pressed in a call of this occurrence, if it was not yet."""
    name = f"{event['call_sid']} {event['digits']}"
    if name in reminder["pressed"]:
        return
    reminder["pressed"] = [*reminder["pressed"], name][-KEPT_PRESSES:]
    save(turn.state, key, reminder)
    pressed_at = min(event["at"], turn.now_ms)
    if event["digits"] == SNOOZE:
        _snooze(turn, reminder, name, pressed_at)
    elif event["digits"] == NEVER:
        _opt_out(turn, reminder, name, pressed_at)
    # DONE needs no more: the call was answered, and a reminder that was heard has its end.


def _snooze(turn: Turn, reminder: ReminderState, name: str, pressed_at: int) -> None:
    if reminder["superseded"]:  # snoozed by SMS meanwhile
        return
    if day_is_full(turn):
        text = turn.say("user_cap")
        turn.sms(text, reminder["from"], cause=name, in_reply_to=reminder["reminder_id"], kind="follow_up")
        return
    reminder = next_occurrence(turn, reminder)
    due_at = unused(turn, reminder, pressed_at + SNOOZE_MS)
    schedule(turn, reminder_key(turn.user, reminder["reminder_id"]), reminder, due_at)
    turn.fact("CHANGED", reminder, cause=name, reason="snoozed")


def _opt_out(turn: Turn, reminder: ReminderState, name: str, pressed_at: int) -> None:
    """As STOP by SMS, in force from the instant of the press."""
    in_force = add_word(turn.profile, pressed_at, out=True)
    turn.save_profile()
    if not in_force:
        return
    turn.fact("OPTED_OUT", reminder, cause=name, reason="key_pressed")
    if turn.tenant.stop_reply:
        text = turn.say("stopped")
        turn.sms(text, reminder["from"], cause=name, in_reply_to=reminder["reminder_id"], kind="stop")
