"""SMS replies as the once-protocol sees them. `Messages.create` has no idempotency key either: K = (reply, try).

A reply that certainly was not sent is tried again with full jitter for an hour, in this stage's own timers; one whose
outcome is unknown is looked up in the carrier's list, and never sent a second time. One that was sent has ended;
whether it arrived is asked for a few times, should the carrier's callbacks stay away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from schemas.records import ReplyState
from streams.control.admission import Timing
from streams.once.asking import CLOCK_SLACK_MS, NOT_ASKED, NOT_FOUND, next_ask_ms, why_not_found
from streams.once.carrier import MESSAGE_STATES, CarrierMessage, MessageRequest
from streams.once.effects import Ask, FetchMessage, Finish, Unavailable
from streams.once.gate import Cap, Say
from streams.replies.book import Book, absorb, ended_key, evidence, forget_ms, gate_key, state_key
from streams.retry import full_jitter_ms
from streams.runtime.processor import Do, Observe, Output, Unresolved

MakeRequest = Callable[[ReplyState], MessageRequest]

ENDS = frozenset({"SENT", "DELIVERED", "FAILED"})

# After an opt-out only these may still be sent: its own confirmation, and answers to HELP and START.
ALLOWED_AFTER_STOP = frozenset({"stop", "help", "start"})
RETRY_FOR_MS = 3_600_000
TOO_OLD = "too_old"
# We did not send it, and the user waits for it.
GIVEN_UP = frozenset({TOO_OLD, NOT_FOUND, NOT_ASKED})
_RETRY_BASE_MS, _RETRY_CAP_MS = 1_000, 60_000
# Carriers take some dozen messages a second for an account and queue the rest.
SMS_PER_SECOND = 50.0


@dataclass(frozen=True, slots=True)
class ReplyAttempts:
    """`Attempts` over the book of one step."""

    book: Book
    make_request: MakeRequest

    def find(self, key: str) -> ReplyState | None:
        return self.book.reply(key)

    def put(self, attempt: ReplyState) -> None:
        self.book.put(attempt)

    def key(self, attempt: ReplyState) -> str:
        return state_key(attempt)

    def gate_key(self, attempt: ReplyState) -> str:
        return gate_key(attempt)

    def why_not(self, attempt: ReplyState, now_ms: int) -> str:
        if attempt["kind"] not in ALLOWED_AFTER_STOP and self.book.opted_out_at(attempt["user"]) is not None:
            return "opted_out"
        return TOO_OLD if now_ms - attempt["asked_at"] > RETRY_FOR_MS else ""

    def request(self, attempt: ReplyState) -> MessageRequest:
        return self.make_request(attempt)

    def due_ms(self, attempt: ReplyState) -> int:
        return attempt["asked_at"]

    def say(self, attempt: ReplyState) -> Say | None:  # noqa: ARG002 - an SMS carries its words itself
        return None

    def cap(self, attempt: ReplyState) -> Cap:
        return Cap(f"sms:{attempt['tenant']}", SMS_PER_SECOND)

    def timing(self, attempt: ReplyState) -> Timing:
        return Timing(attempt["try"], attempt["asked_at"], attempt["asked_at"] + RETRY_FOR_MS)

    def note(
        self,
        attempt: ReplyState,
        state: str,
        now_ms: int,
        sid: str | None = None,
        reason: str | None = None,
        code: int | None = None,
    ) -> Iterator[Output]:
        state = "SENT" if state == "PLACED" else state
        absorb(attempt, state, sid)
        yield evidence(attempt, state, now_ms, sid, reason, code)
        if state == "NOT_SENT":
            yield from self._again(attempt, now_ms)
        elif state in ENDS:
            yield from self.end(attempt, now_ms, reason)
        else:
            self.book.put(attempt)
            if attempt["phase"] == "UNKNOWN":
                yield Do(Unresolved(state_key(attempt), attempt["first_claimed_at"] or now_ms))

    def _again(self, attempt: ReplyState, now_ms: int) -> Iterator[Output]:
        """A try that did not reach the carrier is followed by the next, as long as it makes sense."""
        if why_not := self.why_not(attempt, now_ms):
            yield from self.note(attempt, "FAILED", now_ms, reason=why_not)
            return
        yield from _resolved(attempt)
        wait_ms = full_jitter_ms(attempt["reply_id"], attempt["try"] - 1, _RETRY_BASE_MS, _RETRY_CAP_MS)
        attempt["try"] += 1
        attempt["phase"], attempt["state"], attempt["wake_at"] = "WAITING", "", now_ms + wait_ms
        attempt["claimed_at"] = attempt["first_claimed_at"] = None
        self.book.put(attempt)

    def end(self, attempt: ReplyState, now_ms: int, reason: str | None = None) -> Iterator[Output]:
        """`reason`: why it FAILED, if it did."""
        yield from _resolved(attempt)
        self.book.end(attempt, now_ms)
        yield Do(Finish((gate_key(attempt),)))
        yield from _acknowledged(attempt, reason, now_ms)

    # -- sent: did it arrive?

    def wake_ended(self, ended: ReplyState, now_ms: int) -> Iterator[Output]:
        """The timer of a reply that has ended: forget it, or ask the carrier whether it was delivered."""
        if now_ms >= forget_ms(ended):
            self.book.forget(ended_key(ended))
            return
        self.book.put_ended(ended, now_ms)
        if ended["state"] == "SENT" and ended["message_sid"]:
            yield Do(FetchMessage(state_key(ended), ended["message_sid"]))

    def fetched(
        self, effect: FetchMessage, seen: CarrierMessage | Unavailable | None, now_ms: int
    ) -> Iterator[Output]:
        """What the carrier says of a message is evidence like any callback."""
        ended = self.book.ended(effect.state_key)
        if ended is None or seen is None or isinstance(seen, Unavailable):
            return
        state = MESSAGE_STATES.get(seen.status, "SENT")
        if absorb(ended, state, effect.sid):
            yield evidence(ended, state, now_ms, effect.sid, "asked_carrier")
            self.book.put_ended(ended, now_ms)

    # -- an unknown outcome

    def unknown(self, attempt: ReplyState, now_ms: int, resolve_ms: int) -> Iterator[Output]:
        """Somebody entered the gate for this try, and nobody knows what became of it."""
        absorb(attempt, "UNKNOWN", None)
        attempt["phase"] = "UNKNOWN"
        yield evidence(attempt, "UNKNOWN", now_ms, None, "owner_lost")
        yield from self.ask(attempt, now_ms, resolve_ms)

    def ask(self, attempt: ReplyState, now_ms: int, resolve_ms: int) -> Iterator[Output]:
        since = attempt["first_claimed_at"] or now_ms
        attempt["wake_at"] = next_ask_ms(since, resolve_ms, now_ms)
        attempt["asked"] += 1
        self.book.put(attempt)
        yield Do(Unresolved(state_key(attempt), since))
        since -= CLOCK_SLACK_MS
        yield Do(Ask(state_key(attempt), "message", attempt["to"], attempt["from"], since))

    def asked(
        self, effect: Ask, found: Sequence[CarrierMessage] | Unavailable, now_ms: int, resolve_ms: int
    ) -> Iterator[Output]:
        attempt = self.book.reply(effect.state_key)
        if attempt is None or attempt["phase"] != "UNKNOWN":
            return
        bound = {other["message_sid"] for other in self.book.of_user(attempt["user"])}
        mine = (
            []
            if isinstance(found, Unavailable)
            else [m for m in found if m.sid not in bound and m.body == attempt["body"]]
        )
        if mine:
            state = MESSAGE_STATES.get(mine[0].status, "SENT")
            yield from self.note(attempt, state, now_ms, mine[0].sid, "found_at_carrier")
        elif now_ms >= (attempt["first_claimed_at"] or 0) + resolve_ms:
            yield from self.note(attempt, "FAILED", now_ms, reason=why_not_found(found))


def _resolved(attempt: ReplyState) -> Iterator[Output]:
    """An attempt that was UNKNOWN is so no more; to be said before its phase changes."""
    if attempt["phase"] == "UNKNOWN":
        yield Do(Unresolved(state_key(attempt), None))


def _acknowledged(ended: ReplyState, reason: str | None, now_ms: int) -> Iterator[Output]:
    """How long an SMS waited for its answer: until the carrier had that, or until we gave up.

    An answer that the carrier refuses, or that the user does not want any more, says nothing about us.
    """
    accepted_at = ended["accepted_at"]
    if accepted_at is not None and (ended["state"] != "FAILED" or reason in GIVEN_UP):
        yield Do(Observe("ringback_acknowledgement_seconds", max(0, now_ms - accepted_at) / 1000))
