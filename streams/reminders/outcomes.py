"""Evidence about a call, and what follows: heard, the next try, the next attempt, or the end.

Only the present try is folded: when a try has come to its end the decision stands, and of older ones nothing
but an ANSWERED can still matter. It counts whenever it comes, once an occurrence.
"""

from __future__ import annotations

from schemas.records import CallEvent, ReminderState
from streams import ids
from streams.calls import fold as folding
from streams.calls.fold import Fold
from streams.once.carrier_codes import decide
from streams.reminders.firing import miss
from streams.reminders.keys import act, is_new_press, opt_out
from streams.reminders.quiet import after_quiet
from streams.reminders.state import ENDED, HEARD, NO_EVIDENCE_MS, OUT, WAITING, save
from streams.reminders.turn import Turn
from streams.retry import full_jitter_ms

UNTOLD_MS = 30_000  # ANSWERED whose call ended that long ago without TOLD: the words go out by SMS
TRY_BASE_MS, TRY_CAP_MS, TRY_FLOOR_MS = 1_000, 60_000, 100  # the carrier did not act: soon, but no busy loop
ATTEMPT_CAP_MS = 3_600_000  # nobody wants the third call for lunch at dinner

# States that change nothing here: we know that the try is out.
NO_NEWS = frozenset({"CLAIMED", "UNKNOWN"})


def learn(turn: Turn, key: str, reminder: ReminderState, event: CallEvent) -> None:
    """Take one piece of evidence about a known occurrence."""
    present = event["attempt"] == reminder["attempt"] and event["try"] == reminder["try"]
    answered, status = event["state"] == "ANSWERED", reminder["status"]
    pressed = is_new_press(reminder, event)
    if pressed:
        opt_out(turn, reminder, event)
    if answered and not reminder["answered"]:
        _heard(turn, key, reminder, event, present)
    elif status == HEARD and (present or event["state"] == "TOLD"):
        if _fold_in(reminder, event):
            _after_heard(turn, key, reminder)
    elif status == OUT and present and _fold_in(reminder, event):
        _after_evidence(turn, key, reminder, event)
    if pressed:
        # Who presses a key has heard what it is for.
        if reminder["status"] == HEARD and _fold_in(reminder, event | {"state": "TOLD"}):
            _after_heard(turn, key, reminder)
        act(turn, key, reminder, event)


def _fold_in(reminder: ReminderState, event: CallEvent) -> bool:
    """Did the evidence tell anything new?"""
    before = Fold.of(reminder["sids"], reminder["marks"])
    # Whether it rings makes no difference here, and would cost a write to the changelog.
    state = "PLACED" if event["state"] == "RINGING" else event["state"]
    after = folding.absorb(before, state, event["call_sid"])
    if after is before:
        return False
    reminder["sids"], reminder["marks"] = after.sids_field(), after.marks_field()
    return True


def _heard(turn: Turn, key: str, reminder: ReminderState, event: CallEvent, present: bool) -> None:
    """The first ANSWERED of the occurrence."""
    reminder["answered"] = True
    if reminder["status"] == ENDED:  # a follow-up may have been sent: it stands
        turn.fact("ANSWERED", reminder | {"attempt": event["attempt"], "try": event["try"]})
        save(turn.state, key, reminder)
        return
    folds = present and reminder["status"] == OUT
    if not folds:
        # A try that we had given up for unheard; the attempt that was to follow is dropped.
        reminder["attempt"], reminder["try"] = event["attempt"], event["try"]
        reminder["sids"], reminder["marks"] = {}, []
    _fold_in(reminder, event)
    reminder["status"] = HEARD
    # The end of a call that we had given up was read before, and will not come again.
    reminder["wake_at"] = turn.now_ms + (NO_EVIDENCE_MS if folds else UNTOLD_MS)
    turn.fact("ANSWERED", reminder)
    _after_heard(turn, key, reminder)


def _after_heard(turn: Turn, key: str, reminder: ReminderState) -> None:
    fold = Fold.of(reminder["sids"], reminder["marks"])
    over = not folding.is_open(fold)
    if (over or folding.is_told(fold)) and reminder["cancel_sid"] is not None:
        _answer_cancel(turn, reminder, "too_late")
        turn.end(key, reminder)
    elif folding.is_told(fold):
        turn.end(key, reminder)
    else:
        if over:
            reminder["wake_at"] = min(reminder["wake_at"] or turn.now_ms, turn.now_ms + UNTOLD_MS)
        save(turn.state, key, reminder)


def _after_evidence(turn: Turn, key: str, reminder: ReminderState, event: CallEvent) -> None:
    """The present try, not answered; `event` is what completes the picture."""
    fold = Fold.of(reminder["sids"], reminder["marks"])
    if not folding.is_over(fold):
        save(turn.state, key, reminder)
        return
    reads, refused = folding.reads_as(fold), decide(event["code"])
    if reminder["called_off"]:
        turn.fact("CANCELLED", reminder, reason="snoozed" if reminder["superseded"] else "asked")
        _answer_cancel(turn, reminder, "cancelled_late")
        turn.end(key, reminder)
    elif reads == "NOT_SENT":
        _next_try(turn, key, reminder, TRY_CAP_MS if refused.keeps_attempt else TRY_BASE_MS)
    elif reads == "NOT_PLACED":
        turn.fact("GAVE_UP", reminder, reason="not_placed")
        turn.follow_up(reminder, "not_placed")
        turn.end(key, reminder)
    elif refused.ends_occurrence or reminder["attempt"] >= turn.tenant.max_attempts:
        turn.fact("GAVE_UP", reminder, reason=event["reason"] or str(reads).lower())
        turn.follow_up(reminder, refused.text or "gave_up")
        turn.end(key, reminder)
    else:
        _next_attempt(turn, key, reminder)


def _answer_cancel(turn: Turn, reminder: ReminderState, text: str) -> None:
    """What became of the call that the user asked to cancel while it was out."""
    sid = reminder["cancel_sid"]
    if sid is None:
        return
    body = turn.say(text, number=reminder["number"], subject=reminder["subject"])
    turn.sms(body, reminder["from"], cause=sid, in_reply_to=sid, purpose="cancelled")


def _next_try(turn: Turn, key: str, reminder: ReminderState, base_ms: int) -> None:
    """The carrier certainly did not act: the same attempt once more, which costs the user nothing."""
    expires_at = reminder["expires_at"] or turn.now_ms
    if turn.now_ms >= expires_at:
        miss(turn, key, reminder, "not_sent")
        return
    wait_ms = full_jitter_ms(_name(reminder), reminder["try"] - 1, base_ms, TRY_CAP_MS)
    # A last try at the expiry rather than none because the dice fell beyond it.
    at_ms = max(turn.now_ms, min(turn.now_ms + max(wait_ms, TRY_FLOOR_MS), expires_at))
    reminder["try"] += 1
    _wait(turn, key, reminder, at_ms)


def _next_attempt(turn: Turn, key: str, reminder: ReminderState) -> None:
    base_ms = round(turn.tenant.retry_backoff_s * 1000)
    wait_ms = full_jitter_ms(_name(reminder), reminder["attempt"] - 1, base_ms, max(base_ms, ATTEMPT_CAP_MS))
    reminder["attempt"] += 1
    reminder["try"] = 1
    reminder["expires_at"] = None
    _wait(turn, key, reminder, turn.now_ms + wait_ms)


def _wait(turn: Turn, key: str, reminder: ReminderState, at_ms: int) -> None:
    fire_at = after_quiet(turn.tenant, turn.zone, reminder["attempt"], at_ms)
    if fire_at > at_ms:  # quiet hours are not the call's fault: its grace begins behind them
        reminder["expires_at"] = None
    reminder["status"] = WAITING
    reminder["fire_at"] = reminder["wake_at"] = fire_at
    reminder["sids"], reminder["marks"] = {}, []
    save(turn.state, key, reminder)


def _name(reminder: ReminderState) -> str:
    return str(ids.CallKey(reminder["reminder_id"], reminder["due_at"], reminder["attempt"], reminder["try"]))
