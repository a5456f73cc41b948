"""What each command does: one function each, and for every SMS exactly one outcome."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from schemas.records import ReminderState, Request
from streams.phrases.zones import find_zone, zone_of
from streams.reminders import words
from streams.reminders.accept import confirm, remind
from streams.reminders.change import cancel, snooze
from streams.reminders.limits import is_held_back
from streams.reminders.profile import add_word, was_out
from streams.reminders.state import LIVE, OUT, UNCONFIRMED, reminders_of
from streams.reminders.turn import Turn

LISTED = 8  # as many fit into an SMS that a carrier still joins


def obey(turn: Turn, request: Request, reminder_id: str) -> bool:
    """Do what the SMS says; did it leave a reminder, called `reminder_id`? Words of opting out and in and HELP always
    count; the rest only of users opted in whom nothing holds back (limits.py)."""
    name, refused = request["command"], was_out(turn.profile, request["received_at"])
    if name == "stop":
        _stop(turn, request)
    elif name == "start" or (name == "yes" and refused):
        _start(turn, request)
    elif name == "help":
        turn.outcome(request["message_sid"], "COMMAND_DONE", charged=False)
        turn.reply(request, "help", kind="help")
    elif refused:
        turn.outcome(request["message_sid"], "REFUSED", charged=False, reason="opted_out")
    elif is_held_back(turn, request):
        pass
    elif name == "remind":
        return remind(turn, request, reminder_id)
    else:
        COMMANDS.get(name, _unreadable)(turn, request)
    return False


def _stop(turn: Turn, request: Request) -> None:
    in_force = add_word(turn.profile, request["received_at"], out=True)
    turn.save_profile()
    if not in_force:
        turn.outcome(request["message_sid"], "COMMAND_DONE", charged=False, reason="overridden")
        return
    turn.outcome(request["message_sid"], "OPTED_OUT", charged=False)
    if turn.tenant.stop_reply:
        turn.reply(request, "stopped", kind="stop")


def _start(turn: Turn, request: Request) -> None:
    in_force = add_word(turn.profile, request["received_at"], out=False)
    turn.save_profile()
    if not in_force:
        turn.outcome(request["message_sid"], "COMMAND_DONE", charged=False, reason="overridden")
        return
    turn.outcome(request["message_sid"], "OPTED_IN", charged=False)
    kept = any(r["status"] == UNCONFIRMED for _, r in reminders_of(turn.state, turn.user))
    turn.reply(request, "started_unconfirmed" if kept else "started", kind="start")


def _yes(turn: Turn, request: Request) -> None:
    # A STOP that was sent before this YES and is read after it must find it: the word is kept either way.
    add_word(turn.profile, request["received_at"], out=False)
    confirm(turn, request)


def _list(turn: Turn, request: Request) -> None:
    live = [r for _, r in reminders_of(turn.state, turn.user) if r["status"] in LIVE]
    live.sort(key=lambda r: (r["fire_at"], r["number"]))
    turn.outcome(request["message_sid"], "COMMAND_DONE")
    if not live:
        turn.reply(request, "list_none")
        return
    lines = [_line(turn, reminder) for reminder in live[:LISTED]]
    if len(live) > LISTED:
        lines.append(turn.say("list_more", more=len(live) - LISTED))
    sid = request["message_sid"]
    turn.sms("\n".join(lines), request["to"], cause=sid, in_reply_to=sid)


def _line(turn: Turn, reminder: ReminderState) -> str:
    text = {OUT: "list_item_out", UNCONFIRMED: "list_item_unconfirmed"}.get(reminder["status"], "list_item")
    return turn.say(
        text,
        number=reminder["number"],
        when=turn.when(reminder["fire_at"]),
        subject=words.shorten(reminder["subject"], words.LONGEST_LINE),
    )


def _timezone(turn: Turn, request: Request) -> None:
    zone = find_zone(request["zone"]) if request["zone"] else None
    if zone is None:
        turn.ask_back(request, "unknown_zone")
        return
    set_at = turn.profile["zone_at"]
    turn.outcome(request["message_sid"], "COMMAND_DONE")
    if set_at is not None and set_at > request["received_at"]:
        return  # a newer SMS was read first, and answered
    turn.profile["zone"], turn.profile["zone_at"] = zone, request["received_at"]
    turn.save_profile()
    clock = datetime.fromtimestamp(turn.now_ms / 1000, zone_of(zone)).strftime("%H:%M")
    turn.reply(request, "zone_set", zone=zone.replace("_", " "), clock=clock)


def _unreadable(turn: Turn, request: Request) -> None:
    turn.ask_back(request, "unreadable")


COMMANDS: dict[str, Callable[[Turn, Request], None]] = {
    "yes": _yes,
    "list": _list,
    "cancel": cancel,
    "snooze": snooze,
    "timezone": _timezone,
}
