"""Cancel and snooze: what a user can do to a reminder that stands, rings or has rung."""

from __future__ import annotations

from schemas.records import ReminderState, Request
from streams.reminders.accept import instant, schedule
from streams.reminders.conservation import ACCEPTED, CANCELLED, REVIVED, is_dead
from streams.reminders.limits import count_reminder, day_is_full, refuse
from streams.reminders.state import (
    ENDED,
    HEARD,
    LIVE,
    OUT,
    UNCONFIRMED,
    last_rung,
    load,
    new_occurrence,
    reminders_of,
    replaced_key,
    save,
)
from streams.reminders.turn import Turn

SNOOZE_MS = 10 * 60_000


def cancel(turn: Turn, request: Request) -> None:
    """Cancel reminder N: at once while it waits; once its call has ended while one is out (protocol, step 11)."""
    sid, number = request["message_sid"], request["number"]
    if number is None:
        turn.ask_back(request, "which_number")
        return
    found = _numbered(turn, number)
    if found is None or found[1]["status"] == ENDED:
        turn.outcome(sid, "COMMAND_DONE", reason="no_such_number")
        turn.reply(request, "no_such_number", number=number)
        return
    key, reminder = found
    turn.outcome(sid, "COMMAND_DONE", reminder=reminder)
    if reminder["status"] == HEARD:
        turn.reply(request, "too_late", number=number)
    elif reminder["status"] == OUT:
        call_off(turn, reminder)
        reminder["cancel_sid"] = sid
        save(turn.state, key, reminder)
        turn.reply(request, "cancel_asked", number=number)
    else:
        turn.fact("CANCELLED", reminder, reason="asked")
        turn.end(key, reminder, CANCELLED)
        turn.reply(request, "cancelled", number=number, subject=reminder["subject"])


def call_off(turn: Turn, reminder: ReminderState) -> None:
    """Ask the calls stage, once, to stop the try that is out; what becomes of it is in `outcomes`."""
    if not reminder["called_off"]:
        reminder["called_off"] = True
        turn.fact("CANCEL_ASKED", reminder, cause=f"{reminder['attempt']}|{reminder['try']}")


def snooze(turn: Turn, request: Request) -> None:
    """Call again later: reminder N, or the one that rang last; the words' time, or ten minutes from now."""
    sid, number = request["message_sid"], request["number"]
    found = last_rung(turn.state, turn.user) if number is None else _numbered(turn, number)
    if found is None:
        text = "nothing_to_snooze" if number is None else "no_such_number"
        turn.outcome(sid, "COMMAND_DONE", reason=text)
        turn.reply(request, text, number=number)
        return
    due_at = request["received_at"] + SNOOZE_MS if request["when"] is None else instant(turn, request)
    if due_at is None:
        return
    key, reminder = found
    if reminder["fired_at"] is not None and day_is_full(turn):
        refuse(turn, request, "user_cap")
        return
    kept = reminder["status"] == UNCONFIRMED
    reminder = next_occurrence(turn, reminder)
    due_at = unused(turn, reminder, due_at)
    if kept:
        reminder["due_at"] = reminder["fire_at"] = reminder["wake_at"] = due_at
        save(turn.state, key, reminder)
    else:
        schedule(turn, key, reminder, due_at)
    turn.fact("CHANGED", reminder, cause=sid, reason="snoozed")
    turn.outcome(sid, "COMMAND_DONE", reminder=reminder)
    turn.reply(
        request,
        "confirm" if kept else "scheduled",
        when=turn.when(reminder["fire_at"]),
        subject=reminder["subject"],
        number=reminder["number"],
    )


def next_occurrence(turn: Turn, old: ReminderState) -> ReminderState:
    """A fresh occurrence of the same reminder. The old one is kept under its own key if a call of it may exist."""
    if old["fired_at"] is None:
        if is_dead(old):
            turn.count(REVIVED)
        return old
    turn.count(ACCEPTED)
    count_reminder(turn)
    replaced = old.copy()
    replaced["superseded"] = True
    replaced["cancel_sid"] = None  # a newer wish than a cancel that is still on its way
    key = replaced_key(turn.user, old["reminder_id"], old["due_at"])
    if old["status"] == OUT:
        call_off(turn, replaced)
        save(turn.state, key, replaced)
    elif old["status"] in LIVE:  # between two attempts
        turn.fact("CANCELLED", replaced, reason="snoozed")
        turn.end(key, replaced)
    else:
        save(turn.state, key, replaced)
    return new_occurrence(
        old["reminder_id"],
        old["tenant"],
        old["user"],
        old["from"],
        old["number"],
        old["subject"],
        old["due_at"],
    )


def unused(turn: Turn, reminder: ReminderState, due_at: int) -> int:
    """An occurrence is named by its instant, so one that has fired before lends its name to no other."""
    while load(turn.state, replaced_key(turn.user, reminder["reminder_id"], due_at)) is not None:
        due_at += 1
    return due_at


def _numbered(turn: Turn, number: int) -> tuple[str, ReminderState] | None:
    """The reminder of that number and its key, an ended one too while it is remembered."""
    return next(((k, r) for k, r in reminders_of(turn.state, turn.user) if r["number"] == number), None)
