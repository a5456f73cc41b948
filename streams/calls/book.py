"""The book of one partition's calls: what is written where in the state of `calls`.

    epoch                 EpochState: how many owners the partition has had
    c|{user}|{K}          CallState of a try that has not ended
    e|{user}|{K}          the same, ended: remembered 8 days, so that copies and late evidence find it
    u|{user}              CallerState: the open try, those that wait for it, opt-out
    o|{user}|{O}          CalledOffState: the user cancelled this occurrence (8 days)

Keys hold the user so that one user's tries can be scanned: a sid in the carrier's list belongs to one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from schemas.records import CallerState, CallEvent, CallState, ReminderDue
from streams.calls import fold
from streams.calls.fold import Fold
from streams.ids import CallKey, Occurrence, user_key
from streams.once.remembered import attempts_after
from streams.runtime.processor import Count, Do, Output, Send, Signal, State, Unresolved
from streams.topology import CALLS, DAY_MS

REMEMBER_MS = 8 * DAY_MS


def key_of(call: CallState | CallEvent | ReminderDue) -> CallKey:
    return CallKey(call["reminder_id"], call["due_at"], call["attempt"], call["try"])


def state_key(call: CallState | CallEvent | ReminderDue) -> str:
    return f"c|{call['user']}|{key_of(call)}"


def fold_of(call: CallState) -> Fold:
    return Fold.of(call["sids"], call["marks"])


class Book:
    """Reads and writes the state above, for the length of one step."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._unresolved: dict[str, int | None] = {}
        self._told: list[Signal] = []

    def call(self, key: str) -> CallState | None:
        """A try that has not ended, by its state key."""
        return cast("CallState | None", self._state.get(key))

    def ended(self, key: str) -> CallState | None:
        """The same try, when it has ended."""
        return cast("CallState | None", self._state.get("e" + key[1:]))

    def live(self) -> Iterator[tuple[str, CallState]]:
        for key, value in self._state.scan("c|"):
            yield key, cast(CallState, value)

    def remembered(self, after: str, limit: int) -> tuple[list[CallState], str]:
        """Every try that is known, ended or not, a page at a time (once/remembered.py)."""
        found, on = attempts_after(self._state, after, limit)
        return cast("list[CallState]", found), on

    def of_user(self, user: str) -> Iterator[CallState]:
        for prefix in ("c|", "e|"):
            for _, value in self._state.scan(f"{prefix}{user}|"):
                yield cast(CallState, value)

    def put(self, call: CallState) -> None:
        key = state_key(call)
        self._state.put(key, "CallState", call)
        if "UNKNOWN" in call["marks"]:
            unknown = call["phase"] == "UNKNOWN"
            self._unresolved[key] = (call["first_claimed_at"] or call["fire_at"]) if unknown else None

    def signals(self) -> Iterator[Output]:
        """What the step has to tell when it ends: tries that have become UNKNOWN or are no more, second calls."""
        yield from (Do(Unresolved(key, since_ms)) for key, since_ms in self._unresolved.items())
        yield from map(Do, self._told)

    def absorb(self, call: CallState, state: str, sid: str | None = None) -> bool:
        """Fold one piece of evidence into the try; False when it tells nothing new."""
        before = fold_of(call)
        after = fold.absorb(before, state, sid)
        if sid and sid in after.sids and sid not in before.sids and self._is_second(call):
            self._told.append(Count("ringback_duplicate_calls_total"))
        call["sids"], call["marks"] = after.sids_field(), after.marks_field()
        return after is not before

    def _is_second(self, call: CallState) -> bool:
        """A call of this try turns up. Was there one of the same attempt, of this try or another?

        The next try is made when the last certainly did not reach the carrier: a first that runs is alone.
        """
        if any(call["sids"]):
            return True
        if call["try"] == 1 and call["phase"] != "ENDED":
            return False
        attempt = f"|{call['user']}|{key_of(call).occurrence}|{call['attempt']}|"
        tries = (other for prefix in "ce" for _, other in self._state.scan(prefix + attempt))
        return any(any(other["sids"]) for other in tries)

    def end(self, call: CallState, now_ms: int) -> None:
        """Move the try among those that have ended."""
        self._state.delete(state_key(call))
        if "UNKNOWN" in call["marks"]:
            self._unresolved[state_key(call)] = None
        call["phase"], call["wake_at"] = "ENDED", now_ms + REMEMBER_MS
        self._state.put("e" + state_key(call)[1:], "CallState", call)

    def reopen(self, call: CallState) -> None:
        """A try that had ended is followed again: a call of it has turned up. Its user's next call waits for it, unless
        that is on its way already."""
        key = state_key(call)
        self._state.delete("e" + key[1:])
        self.put(call)
        caller = self.caller(call["user"])
        following = self.call(caller["open"]) if caller["open"] else None
        if following is not None and following["phase"] != "WAITING":
            return
        if caller["open"] is not None:
            caller["queue"].insert(0, caller["open"])
        caller["open"] = key
        self.put_caller(caller)

    def put_ended(self, call: CallState) -> None:
        self._state.put("e" + state_key(call)[1:], "CallState", call)

    def caller(self, user: str) -> CallerState:
        found = self._state.get(f"u|{user}")
        if found is not None:
            # A copy: the queue is changed in place.
            return cast(CallerState, {**found, "queue": list(found["queue"])})
        return {"user": user, "open": None, "queue": [], "opted_out_at": None, "wake_at": None}

    def put_caller(self, caller: CallerState) -> None:
        """A caller of whom nothing needs to be known is forgotten."""
        if caller["open"] or caller["queue"] or caller["opted_out_at"] is not None:
            self._state.put(f"u|{caller['user']}", "CallerState", caller)
        else:
            self._state.delete(f"u|{caller['user']}")

    def call_off(self, user: str, occurrence: Occurrence, now_ms: int) -> None:
        value: dict[str, Any] = {"at": now_ms, "wake_at": now_ms + REMEMBER_MS}
        self._state.put(f"o|{user}|{occurrence}", "CalledOffState", value)

    def is_called_off(self, user: str, occurrence: Occurrence) -> bool:
        return self._state.get(f"o|{user}|{occurrence}") is not None

    def is_off(self, call: CallState) -> str:
        """Why the user wants no call for it any more, or nothing."""
        if self.caller(call["user"])["opted_out_at"] is not None:
            return "opted_out"
        return "cancelled" if self.is_called_off(call["user"], key_of(call).occurrence) else ""

    def forget(self, key: str) -> None:
        """The time of remembering is over."""
        self._state.delete(key)


def new_call(due: ReminderDue) -> CallState:
    """A try as `reminders.due` asks for it."""
    return {
        "reminder_id": due["reminder_id"],
        "user": due["user"],
        "tenant": due["tenant"],
        "from": due["from"],
        "due_at": due["due_at"],
        "fire_at": due["fire_at"],
        "attempt": due["attempt"],
        "try": due["try"],
        "subject": due["subject"],
        "language": due["language"],
        "expires_at": due["expires_at"],
        "quiet_from": due["quiet_from"],
        "quiet_until": due["quiet_until"],
        "phase": "WAITING",
        "epoch": 0,
        "claimed_at": None,
        "first_claimed_at": None,
        "asked": 0,
        "sids": {},
        "marks": [],
        "wake_at": None,
        "placed_at": None,
    }


def evidence(
    call: CallState,
    state: str,
    now_ms: int,
    *,
    sid: str | None = None,
    reason: str | None = None,
    code: int | None = None,
) -> Send:
    """A CallEvent about the try."""
    return evidence_of(state_key(call), state, now_ms, sid=sid, reason=reason, epoch=call["epoch"], code=code)


def evidence_of(
    key: str,
    state: str,
    now_ms: int,
    *,
    sid: str | None = None,
    reason: str | None = None,
    epoch: int | None = None,
    code: int | None = None,
) -> Send:
    """The same for a try of which only the state key is at hand."""
    _, tenant, number, *rest = key.split("|")
    reminder_id, due_at, attempt, try_ = rest
    user = user_key(tenant, number)
    value: CallEvent = {
        "reminder_id": reminder_id,
        "user": user,
        "tenant": tenant,
        "due_at": int(due_at),
        "attempt": int(attempt),
        "try": int(try_),
        "state": state,
        "call_sid": sid,
        "epoch": epoch,
        "digits": None,
        "reason": reason,
        "at": now_ms,
        "code": code,
    }
    return Send(CALLS.name, user, "CallEvent", value)
