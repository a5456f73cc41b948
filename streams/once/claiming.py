"""From "this should happen" to one request at the carrier: claim, gate, self-check, place. At most once.

An attempt passes through these answers, each an event of its own; a claim that has grown too old on the way, or an
answer that belongs to an earlier claim, goes no further. Each claim has one question in the air at a time.

    claim() ─ commit ─▶ Enter ─ Passed ─▶ Look ─ everything seen ─▶ self-check ─▶ Place ─▶ placed()

Steps 1 to 4 of the call protocol; calls and SMS replies share them, `Attempts` is what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Generic

from streams.control.admission import Admission, Unguarded
from streams.once.asking import ASKS_MS
from streams.once.attempts import A, Attempts
from streams.once.carrier import PlaceResult
from streams.once.door import Door
from streams.once.effects import Checking, Enter, Place, Stale, Unavailable
from streams.once.gate import Cap, Fenced, NotReady, Passed, Taken, Verdict, Wait
from streams.once.outcome import outcome
from streams.once.slots import Slots
from streams.once.window import ClaimWindow, Line
from streams.runtime.freshness import Look
from streams.runtime.processor import Do, Output

CLAIM_MAX_AGE_MS = 2_000
LOOK_MAX_AGE_MS = 1_000
# An attempt that waits for a slot under the carrier's cap is looked at again no sooner than this.
SLOT_WAIT_MS = 100
# One that stands in the line is called up by who leaves the window; this is for when that one was lost in an abort.
LINE_WAIT_MS = 10_000


class Claiming(Generic[A]):
    """One tenure's claims. Memory holds what the owner alone knows for certain: what it has not posted yet.

    A step whose transaction is aborted leaves its traces in this memory, and comes again. Therefore what stands in
    `_unposted` is certainly not posted, `_posted` may hold what is not, and a claim counts as in the air only with
    the time that the state has for it. What is unposted holds a slot under the carrier's cap.
    """

    def __init__(self, door: Door, look_at: tuple[str, ...], admission: Admission | None = None) -> None:
        self._door = door
        self._admission = admission or Unguarded()
        self._look_at = look_at
        self._unposted = Slots()
        self._window = ClaimWindow()
        self._line = Line()
        # State key → when the carrier's cap let it pass; account → when the last that waits under its cap looks again.
        self._slot_at: dict[str, int] = {}
        self._turn_ms: dict[str, float] = {}
        self._swept_ms = 0
        self._posted: set[str] = set()
        # State key → claimed_at of the claim whose Enter or Look is out.
        self._in_the_air: dict[str, int] = {}

    # -- 1: claim

    def claim(self, attempts: Attempts[A], attempt: A, now_ms: int) -> Iterator[Output]:
        """Claim an attempt that is WAITING and that nothing speaks against, or let it wait for the door or a slot.

        Only for an attempt of which it is certain that no request was sent: each claim begins anew.
        """
        key, cap, timing = attempts.key(attempt), attempts.cap(attempt), attempts.timing(attempt)
        if wait_ms := self._door.is_open and self._admission.wait_ms(key, cap, timing, now_ms):
            # Unclaimed it costs no try. It is looked at once more when it expires, to say so.
            attempt["wake_at"] = max(now_ms + 1, min(now_ms + wait_ms, timing.end_at + 1))
            attempts.put(attempt)
            self._line.leave(key)
            return
        wake_at = self._waits_until(attempts, key, cap, now_ms) if self._door.is_open else None
        if wake_at is not None or not self._door.is_open:
            # The door claims all that waits when it opens; a slot has to be waited for.
            attempt["wake_at"] = wake_at
            attempts.put(attempt)
            return
        self._line.leave(key)
        self._admission.claimed(cap, timing, now_ms)
        attempt["phase"], attempt["epoch"] = "CLAIMED", self._door.epoch
        attempt["claimed_at"] = attempt["first_claimed_at"] = now_ms
        attempt["wake_at"] = None
        self._posted.discard(key)
        self._unposted.take(key, cap)
        self._in_the_air[key] = now_ms
        yield from attempts.note(attempt, "CLAIMED", now_ms)
        yield Do(
            Enter(
                scope=self._door.scope,
                state_key=key,
                key=attempts.gate_key(attempt),
                epoch=self._door.epoch,
                claimed_at=now_ms,
                say=attempts.say(attempt),
                cap=cap,
            )
        )

    def _waits_until(self, attempts: Attempts[A], key: str, cap: Cap, now_ms: int) -> int | None:
        """When to look again for a slot; None when there is one now.

        Never more claims than can be posted within a second: under the carrier's cap, and by this member.
        """
        if not self._unposted.has_room(key, cap) or self._is_full(key):
            self._sweep(attempts, key, now_ms)
        if not self._unposted.has_room(key, cap):
            # Spread as the cap lets them pass, so that a thousand who wait do not all look again for one slot.
            turn_ms = max(self._turn_ms.get(cap.account, 0.0), now_ms + SLOT_WAIT_MS)
            self._turn_ms[cap.account] = turn_ms + 1_000 / max(0.1, min(rate for _, rate in cap.rates))
            return int(turn_ms)
        if self._is_full(key):
            self._line.join(key)
            return now_ms + LINE_WAIT_MS
        return None

    def _is_full(self, but: str) -> bool:
        """Is there no room in the window, that of `but` left out?"""
        return len(self._unposted) - (but in self._unposted) >= self._window.size

    def _sweep(self, attempts: Attempts[A], but: str, now_ms: int) -> None:
        """The transaction of a claim may have been aborted, and something else have come of the attempt. Rare, and a
        backlog asks for a slot thousands of times while there is none: so not each time."""
        if 0 <= now_ms - self._swept_ms < SLOT_WAIT_MS:
            return
        self._swept_ms = now_ms
        for key in self._unposted.held():
            other = attempts.find(key) if key != but else None
            if key != but and (other is None or other["phase"] != "CLAIMED"):
                self._forget(key)

    def _call_up(self, attempts: Attempts[A], claim: Callable[[A], Iterator[Output]]) -> Iterator[Output]:
        """There may be room in the window: whoever stands in the line is claimed, one after the other."""
        while len(self._unposted) < self._window.size and (key := self._line.pop()) is not None:
            attempt = attempts.find(key)
            if attempt is not None and attempt["phase"] == "WAITING":
                yield from claim(attempt)

    @property
    def crowded(self) -> bool:
        """Do so many wait for room that no more should be taken from the input?"""
        return self._line.crowded

    def _forget(self, key: str) -> None:
        self._unposted.free(key)
        self._in_the_air.pop(key, None)
        self._slot_at.pop(key, None)

    # -- 2: gate

    def entered(
        self, attempts: Attempts[A], effect: Enter, verdict: Verdict | Unavailable, now_ms: int
    ) -> Iterator[Output]:
        """What the gate said. `Fenced`, `NotReady` and `Unavailable` leave the attempt to the door."""
        attempt = self._present(attempts, effect.state_key, effect.claimed_at)
        if attempt is None:
            return
        match verdict:
            case Passed():
                yield self._look(Checking(effect.state_key, effect.key, effect.claimed_at))
            case Wait(wait_ms) if now_ms + wait_ms - effect.claimed_at < CLAIM_MAX_AGE_MS:
                self._slot_at[effect.state_key] = now_ms + wait_ms
                yield Do(replace(effect, delay_ms=wait_ms))
            case Wait(wait_ms):
                # By then the claim would be too old: it is made again, later. Nothing was written at the gate.
                self._forget(effect.state_key)
                attempt["phase"], attempt["wake_at"] = "WAITING", now_ms + wait_ms
                attempts.put(attempt)
            case Taken():
                # We made this claim and know that it was not posted; nobody else may post it, nor shall we.
                yield from self.not_sent(attempts, attempt, "gate_taken", now_ms)
            case Fenced() | NotReady() | Unavailable():
                self._in_the_air.pop(effect.state_key, None)

    # -- 3: self-check

    def _look(self, checking: Checking) -> Output:
        return Do(Look(checking, self._look_at))

    def looked(
        self,
        attempts: Attempts[A],
        checking: Checking,
        sampled_ms: int,
        now_ms: int,
        claim: Callable[[A], Iterator[Output]],
    ) -> Iterator[Output]:
        """All facts up to `sampled_ms` are known here: post once, or not at all. `claim` is the owner's own way to
        claim who is called up for the room that this leaves."""
        yield from self._checked(attempts, checking, sampled_ms, now_ms)
        yield from self._call_up(attempts, claim)

    def _checked(
        self, attempts: Attempts[A], checking: Checking, sampled_ms: int, now_ms: int
    ) -> Iterator[Output]:
        key = checking.state_key
        attempt = self._present(attempts, key, checking.claimed_at)
        if attempt is None:
            return
        # The answer is here, so no step that posted on it has committed.
        self._posted.discard(key)
        self._unposted.take(key, attempts.cap(attempt))
        # How long the carrier's cap made it wait says nothing about what we can do.
        began_ms = self._slot_at.pop(key, checking.claimed_at)
        self._window.posted(now_ms - began_ms, now_ms)
        if now_ms - checking.claimed_at > CLAIM_MAX_AGE_MS:
            yield from self.not_sent(attempts, attempt, "claim_too_old", now_ms)
        elif now_ms - sampled_ms > LOOK_MAX_AGE_MS:
            yield self._look(checking)
        elif why_not := attempts.why_not(attempt, now_ms):
            yield from self.not_sent(attempts, attempt, why_not, now_ms)
        else:
            self._forget(key)
            self._posted.add(key)
            not_after_ms = checking.claimed_at + CLAIM_MAX_AGE_MS
            request, due_ms = attempts.request(attempt), attempts.due_ms(attempt)
            yield Do(Place(key, checking.key, checking.claimed_at, not_after_ms, request, due_ms))

    # -- 4: result

    def placed(
        self, attempts: Attempts[A], effect: Place, result: PlaceResult | Stale, now_ms: int
    ) -> Iterator[Output]:
        """What became of the request. Nothing when the attempt has ended meanwhile; then it is late evidence."""
        self._posted.discard(effect.state_key)
        attempt = attempts.find(effect.state_key)
        if attempt is None or attempt["claimed_at"] != effect.claimed_at:
            return
        state, sid, reason, code = outcome(result)
        if state == "UNKNOWN":
            attempt["phase"], attempt["wake_at"] = "UNKNOWN", effect.claimed_at + ASKS_MS[0]
        if state in ("NOT_SENT", "FAILED"):
            self._admission.unsent(f"carrier_{code}" if code else reason or "")
        yield from attempts.note(attempt, state, now_ms, sid, reason, code)

    def not_sent(self, attempts: Attempts[A], attempt: A, reason: str, now_ms: int) -> Iterator[Output]:
        """This attempt certainly did not reach the carrier."""
        self._forget(attempts.key(attempt))
        self._admission.unsent(reason)
        yield from attempts.note(attempt, "NOT_SENT", now_ms, reason=reason)

    # -- for the door

    def is_under_way(self, key: str, attempt: A) -> bool:
        """Will an answer about this claim come in this tenure: of its request, or of a question before it?"""
        in_the_air = (
            self._in_the_air.get(key) == attempt["claimed_at"] and attempt["epoch"] == self._door.epoch
        )
        return key in self._posted or in_the_air

    def is_unposted(self, key: str) -> bool:
        """Did we claim this attempt in this tenure, and know that it has not been posted?"""
        return key in self._unposted

    def let_go(self, attempts: Attempts[A], attempt: A) -> None:
        """The claim was not gated, or by us alone: the attempt waits as if it had not been claimed."""
        self._forget(attempts.key(attempt))
        attempt["phase"] = "WAITING"

    def _present(self, attempts: Attempts[A], key: str, claimed_at: int) -> A | None:
        """The attempt, if the claim that is talked about is still its claim, and of this tenure."""
        attempt = attempts.find(key)
        if attempt is None or attempt["phase"] != "CLAIMED":
            self._forget(key)
            return None
        if attempt["claimed_at"] != claimed_at or attempt["epoch"] != self._door.epoch:
            return None
        return attempt
