"""A reminder that was asked for: accepted, kept until its first contact confirms, or asked back."""

from __future__ import annotations

from typing import Any, cast

from schemas.records import ReminderState, Request
from streams.phrases.resolve import resolve
from streams.phrases.when import When
from streams.reminders.conservation import ACCEPTED, REVIVED, is_dead
from streams.reminders.limits import count_reminder, day_is_full, refuse
from streams.reminders.quiet import after_quiet
from streams.reminders.state import UNCONFIRMED, WAITING, new_occurrence, reminder_key, reminders_of, save
from streams.reminders.turn import Turn
from streams.topology import DAY_MS

NOT_RESOLVED = frozenset({"past", "impossible", "unknown_zone", "too_far"})  # and no_time
FARTHEST_MS = 3_660 * DAY_MS  # ten years: a timer beyond that is a slip of the thumb


def remind(turn: Turn, request: Request, reminder_id: str) -> bool:
    """Accept a reminder, refuse it, or say what is missing; was it accepted?"""
    if not request["subject"]:
        turn.ask_back(request, "no_subject")
        return False
    due_at = instant(turn, request)
    if due_at is None:
        return False
    kept = turn.tenant.confirm_first_contact and not turn.profile["confirmed"]
    if kept and due_at <= turn.now_ms:  # it would expire before the user could say YES
        turn.ask_back(request, "passed", when=turn.when(due_at))
        return False
    if over := _over_a_cap(turn, due_at):
        refuse(turn, request, over)
        return False
    count_reminder(turn)
    number = turn.profile["next_number"]
    turn.profile["next_number"] = number + 1
    turn.save_profile()
    reminder = new_occurrence(
        reminder_id, turn.tenant.id, turn.user, request["to"], number, request["subject"], due_at
    )
    key = reminder_key(turn.user, reminder_id)
    if kept:
        reminder["status"] = UNCONFIRMED
        save(turn.state, key, reminder)
    else:
        schedule(turn, key, reminder, due_at)
    turn.count(ACCEPTED)
    kind, reason, text = ("ASKED_BACK", "confirm", "confirm") if kept else ("SCHEDULED", None, "scheduled")
    turn.outcome(request["message_sid"], kind, reminder=reminder, reason=reason)
    turn.reply(
        request,
        text,
        when=turn.when(reminder["fire_at"]),
        subject=reminder["subject"],
        number=number,
    )
    return True


def _over_a_cap(turn: Turn, due_at: int) -> str | None:
    """The user's cap, or a cap of the tenant that is used up on the day on which the call would be made."""
    if day_is_full(turn):
        return "user_cap"
    return turn.used_up() if fire_time(turn, due_at) // DAY_MS <= turn.now_ms // DAY_MS else None


def instant(turn: Turn, request: Request) -> int | None:
    """The instant that the request's words mean (epoch ms); None when the user was asked back instead.

    Past due on arrival is taken as it is within the grace: then the call is late, not lost.
    """
    said = request["when"]
    when = When.from_record(cast(dict[str, Any], said)) if said is not None else None
    if when is None or when.is_empty:
        turn.ask_back(request, "no_time")
        return None
    if when.rule is not None:
        turn.ask_back(request, "recurring")
        return None
    found = resolve(when, request["received_at"], turn.zone, turn.tenant.country)
    due_at = found.due_at
    if due_at is None:
        turn.ask_back(request, found.reason if found.reason in NOT_RESOLVED else "no_time")
        return None
    if due_at > turn.now_ms + FARTHEST_MS:
        turn.ask_back(request, "too_far")
        return None
    if fire_time(turn, due_at) < turn.now_ms - turn.tenant.late_grace_ms:
        turn.ask_back(request, "passed", when=turn.when(due_at))
        return None
    return due_at


def fire_time(turn: Turn, due_at: int) -> int:
    """When the first attempt starts: when it is due, or after strict quiet hours (epoch ms)."""
    return after_quiet(turn.tenant, turn.zone, 1, due_at)


def schedule(turn: Turn, key: str, reminder: ReminderState, due_at: int) -> None:
    """Let the first attempt of the occurrence `due_at` wait for its time."""
    reminder["status"] = WAITING
    reminder["due_at"] = due_at
    reminder["fire_at"] = fire_time(turn, due_at)
    reminder["wake_at"] = max(
        reminder["fire_at"], turn.now_ms
    )  # no fact is older than the one that it follows
    save(turn.state, key, reminder)


def confirm(turn: Turn, request: Request) -> None:
    """YES: everything that was kept for it is scheduled."""
    turn.profile["confirmed"] = True
    turn.save_profile()
    kept = [(key, r) for key, r in reminders_of(turn.state, turn.user) if r["status"] == UNCONFIRMED]
    if not kept:
        turn.outcome(request["message_sid"], "COMMAND_DONE", reason="nothing_kept")
        turn.reply(request, "confirmed_nothing")
        return
    kept.sort(key=lambda item: (item[1]["due_at"], item[1]["number"]))
    for place, (key, reminder) in enumerate(kept):
        if is_dead(reminder):
            turn.count(REVIVED)
        schedule(turn, key, reminder, reminder["due_at"])
        if place == 0:
            turn.outcome(request["message_sid"], "SCHEDULED", reminder=reminder)
        else:
            turn.fact("CHANGED", reminder, cause=request["message_sid"], reason="confirmed")
    first = kept[0][1]
    turn.reply(
        request,
        "confirmed_more" if len(kept) > 1 else "confirmed",
        when=turn.when(first["fire_at"]),
        subject=first["subject"],
        number=first["number"],
        more=len(kept) - 1,
    )
