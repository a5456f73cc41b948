"""The book of one partition's replies: what is written where in the state of `replies`.

epoch                   EpochState: how many owners the partition has had
c|{user}|{reply_id}     ReplyState of an SMS that has not ended
e|{user}|{reply_id}     the same, ended: remembered 35 days, so that a copy is not sent
u|{user}                ContactState: opted out, since when
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from schemas.records import ContactState, ReplyState, SmsEvent, SmsReply
from streams.ids import user_key
from streams.once.remembered import attempts_after
from streams.runtime.processor import Send, State
from streams.topology import DAY_MS, SMS_EVENTS

REMEMBER_MS = 35 * DAY_MS
# SENT, and no callback since: the carrier is asked so long after the claim, and then SENT is all that is known.
RECEIPTS_MS = (60_000, 600_000, 3_600_000)
# The furthest counts, so order and copies of evidence do not matter.
_RANK = {"": 0, "CLAIMED": 1, "UNKNOWN": 2, "NOT_SENT": 3, "SENT": 4, "FAILED": 5, "DELIVERED": 6}


def state_key(reply: ReplyState | SmsReply | SmsEvent) -> str:
    return f"c|{reply['user']}|{reply['reply_id']}"


def ended_key(reply: ReplyState) -> str:
    return "e" + state_key(reply)[1:]


def gate_key(reply: ReplyState) -> str:
    return f"{reply['reply_id']}|{reply['try']}"


class Book:
    """Reads and writes the state above, for the length of one step."""

    def __init__(self, state: State) -> None:
        self._state = state

    def reply(self, key: str) -> ReplyState | None:
        """A reply that has not ended, by its state key."""
        return cast("ReplyState | None", self._state.get(key))

    def ended(self, key: str) -> ReplyState | None:
        """One that has ended, by its state key or that of its end."""
        return cast("ReplyState | None", self._state.get("e" + key[1:]))

    def live(self) -> Iterator[tuple[str, ReplyState]]:
        for key, value in self._state.scan("c|"):
            yield key, cast(ReplyState, value)

    def remembered(self, after: str, limit: int) -> tuple[list[ReplyState], str]:
        """Every reply that is known, ended or not, a page at a time (once/remembered.py)."""
        found, on = attempts_after(self._state, after, limit)
        return cast("list[ReplyState]", found), on

    def of_user(self, user: str) -> Iterator[ReplyState]:
        for prefix in ("c|", "e|"):
            for _, value in self._state.scan(f"{prefix}{user}|"):
                yield cast(ReplyState, value)

    def put(self, reply: ReplyState) -> None:
        self._state.put(state_key(reply), "ReplyState", reply)

    def end(self, reply: ReplyState, now_ms: int) -> None:
        """The text is no longer needed; that it was sent is."""
        self._state.delete(state_key(reply))
        reply["phase"], reply["body"] = "ENDED", ""
        self.put_ended(reply, now_ms)

    def put_ended(self, reply: ReplyState, now_ms: int) -> None:
        """With the time to look at it again: to ask whether it was delivered, or to forget it."""
        reply["wake_at"] = next_receipt_ms(reply, now_ms) or forget_ms(reply)
        self._state.put(ended_key(reply), "ReplyState", reply)

    def opted_out_at(self, user: str) -> int | None:
        found = cast("ContactState | None", self._state.get(f"u|{user}"))
        return found["opted_out_at"] if found else None

    def opt(self, user: str, opted_out_at: int | None) -> None:
        if opted_out_at is None:
            self._state.delete(f"u|{user}")
        else:
            self._state.put(f"u|{user}", "ContactState", {"opted_out_at": opted_out_at, "wake_at": None})

    def forget(self, key: str) -> None:
        self._state.delete(key)


def next_receipt_ms(reply: ReplyState, now_ms: int) -> int | None:
    """When the carrier is asked whether a reply that was SENT has arrived; None when that is known, or never will be.

    Its callbacks tell sooner, if they come at all. Not every network confirms, so the questions have an end.
    """
    if reply["state"] != "SENT" or not reply["message_sid"] or reply["claimed_at"] is None:
        return None
    return next((at for after in RECEIPTS_MS if (at := reply["claimed_at"] + after) > now_ms), None)


def forget_ms(reply: ReplyState) -> int:
    """When a reply that has ended is forgotten."""
    return (reply["claimed_at"] or reply["asked_at"]) + REMEMBER_MS


def absorb(reply: ReplyState, state: str, sid: str | None) -> bool:
    """Fold evidence into the reply; False when it tells nothing new."""
    new_sid = sid is not None and reply["message_sid"] is None
    if new_sid:
        reply["message_sid"] = sid
    if _RANK.get(state, -1) <= _RANK[reply["state"]]:
        return new_sid
    reply["state"] = state
    return True


def new_reply(asked: SmsReply) -> ReplyState:
    return {
        "reply_id": asked["reply_id"],
        "user": asked["user"],
        "tenant": asked["tenant"],
        "from": asked["from"],
        "to": asked["to"],
        "body": asked["body"],
        "kind": asked["kind"],
        "asked_at": asked["at"],
        "try": 1,
        "phase": "WAITING",
        "state": "",
        "epoch": 0,
        "claimed_at": None,
        "first_claimed_at": None,
        "asked": 0,
        "message_sid": None,
        "wake_at": None,
        "accepted_at": asked["accepted_at"],
    }


def evidence(
    reply: ReplyState, state: str, now_ms: int, sid: str | None, reason: str | None, code: int | None = None
) -> Send:
    """An SmsEvent about the present try."""
    return evidence_of(state_key(reply), gate_key(reply), state, now_ms, sid, reason, reply["epoch"], code)


def evidence_of(
    key: str,
    gate: str,
    state: str,
    now_ms: int,
    sid: str | None,
    reason: str | None,
    epoch: int | None = None,
    code: int | None = None,
) -> Send:
    """The same for a try of which only the names are at hand."""
    _, tenant, number, reply_id = key.split("|")
    value: SmsEvent = {
        "reply_id": reply_id,
        "user": user_key(tenant, number),
        "tenant": tenant,
        "try": int(gate.rpartition("|")[2]),
        "state": state,
        "message_sid": sid,
        "epoch": epoch,
        "reason": reason,
        "at": now_ms,
        "code": code,
    }
    return Send(SMS_EVENTS.name, value["user"], "SmsEvent", value)
