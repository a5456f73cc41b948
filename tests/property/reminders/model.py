"""What the timer stream must do, said a second time: a list of occurrences and a clock. Shares no code with it.

The oracle is small because it may be slow and keeps everything in lists: who asked for what, which occurrence
stands where, and for each input and each look at the clock the facts that must come of it, neither more nor
less. Where the subject may choose (a wait with jitter) the model knows only the span, and takes from what was
put out when the subject chose; outside of the span is an error.

Times are epoch ms. `Facts` are (type, the SMS that asked for the reminder, due instant).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

SECOND, MINUTE, DAY = 1_000, 60_000, 86_400_000
Facts = Counter[tuple[str, str, int]]


@dataclass(frozen=True)
class Rules:
    """The tenant's settings, as far as they matter here."""

    confirm: bool
    attempts: int
    backoff_ms: int
    grace_ms: int


@dataclass
class Occurrence:
    """`at`..`until`: when its next try starts. `sid` is the SMS that asked for the reminder."""

    user: str
    sid: str
    number: int
    due: int
    status: Literal["kept", "waiting", "out", "heard", "over"]
    at: int = 0
    until: int = 0
    expires: int | None = None
    attempt: int = 1
    try_: int = 1
    fired_at: int | None = None
    answered: bool = False
    called_off: bool = False
    cancelling: bool = False
    replaced: bool = False
    seen: set[str] = field(default_factory=set)
    forget_at: int = 0  # heard: when it ends; over: when it is forgotten

    def wait(self, at: int, until: int) -> None:
        self.status, self.at, self.until, self.seen = "waiting", at, until, set()


@dataclass
class User:
    rules: Rules
    confirmed: bool = False
    words: list[tuple[int, bool]] = field(default_factory=list)  # (received, out)

    def out(self, at: int | None = None) -> bool:
        said = [word for word in self.words if at is None or word[0] <= at]
        return max(said)[1] if said else False


@dataclass
class Model:
    """Every method takes one input or one look at the clock, and returns the facts that must follow."""

    users: dict[str, User]
    now: int = 0
    known: list[Occurrence] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    classes: Counter[tuple[str, str]] = field(default_factory=Counter)  # (user, class)

    # -- what users text. The outcome of the SMS is returned beside the facts.

    def remind(self, user: str, sid: str, received: int, delay: int, number: int) -> tuple[str, Facts]:
        """`number` is the one that the subject gave it."""
        due, rules = received + delay, self.users[user].rules
        if due < self.now - rules.grace_ms:
            return "ASKED_BACK", Facts()
        kept = rules.confirm and not self.users[user].confirmed
        if kept and due <= self.now:
            return "ASKED_BACK", Facts()
        assert number not in [o.number for o in self.of(user)], "two reminders with one number"
        self._accept(Occurrence(user, sid, number, due, "kept" if kept else "waiting", due, due))
        return ("ASKED_BACK" if kept else "SCHEDULED"), Facts()

    def cancel(self, user: str, number: int) -> Facts:
        o = self.numbered(user, number)
        if o is None or o.status in ("over", "heard"):
            return Facts()
        if o.status == "out":
            o.cancelling = True
            return self._call_off(o)
        return self._end(o, "CANCELLED", "cancelled")

    def snooze(self, user: str, number: int, received: int, delay: int) -> tuple[str, Facts]:
        o, due = self.numbered(user, number), received + delay
        if o is None:
            return "COMMAND_DONE", Facts()
        if due < self.now - self.users[user].rules.grace_ms:
            return "ASKED_BACK", Facts()
        facts = Facts()
        if o.fired_at is not None:
            o.replaced, o.cancelling = True, False
            if o.status == "out":
                facts += self._call_off(o)
            elif o.status == "waiting":
                facts += self._end(o, "CANCELLED", "cancelled")
            o = Occurrence(user, o.sid, o.number, 0, "waiting")
            self._accept(o)
        taken = {other.due for other in self.known if other.sid == o.sid and other.replaced}
        while due in taken:
            due += 1
        o.due = o.at = o.until = due
        return "COMMAND_DONE", facts + Facts({("CHANGED", o.sid, due): 1})

    def yes(self, user: str, received: int) -> tuple[str, Facts]:
        self.word(user, received, out=False)
        self.users[user].confirmed = True
        kept = sorted((o for o in self.of(user) if o.status == "kept"), key=lambda o: (o.due, o.number))
        for o in kept:
            o.wait(o.due, o.due)
        facts = Facts(("CHANGED", o.sid, o.due) for o in kept[1:])
        return ("SCHEDULED" if kept else "COMMAND_DONE"), facts

    def word(self, user: str, received: int, out: bool) -> str:
        words = self.users[user].words
        words.append((received, out))
        in_force = max(words) == (received, out)
        return ("OPTED_OUT" if out else "OPTED_IN") if in_force else "COMMAND_DONE"

    def listed(self, user: str) -> list[Occurrence]:
        return [o for o in self.of(user) if o.status in ("kept", "waiting", "out")]

    # -- evidence

    def evidence(self, o: Occurrence, attempt: int, try_: int, state: str) -> Facts:
        """About a try of an occurrence, from one call."""
        present = (o.attempt, o.try_) == (attempt, try_)
        if state == "ANSWERED" and not o.answered:
            return self._heard(o, attempt, try_, present)
        if o.status == "heard" and (present or state == "TOLD") and state not in o.seen:
            o.seen.add(state)
            self._settle(o)
        elif o.status == "out" and present and state not in o.seen:
            o.seen.add(state)
            return self._ended_try(o)
        return Facts()

    def _heard(self, o: Occurrence, attempt: int, try_: int, present: bool) -> Facts:
        o.answered = True
        self._count(o, answered=1)
        facts = Facts({("ANSWERED", o.sid, o.due): 1})
        if o.status == "over":
            return facts
        if not (present and o.status == "out"):
            o.attempt, o.try_, o.seen = attempt, try_, set()
            o.forget_at = self.now + 30 * SECOND
        else:
            o.forget_at = self.now + 8 * DAY
        o.status = "heard"
        o.seen.add("ANSWERED")
        self._settle(o)
        return facts

    def _settle(self, o: Occurrence) -> None:
        over = bool(o.seen & {"COMPLETED", "BUSY"})
        if "TOLD" in o.seen or (over and o.cancelling):
            self._remember(o)
        elif over:
            o.forget_at = min(o.forget_at, self.now + 30 * SECOND)

    def _ended_try(self, o: Occurrence) -> Facts:
        ends = o.seen & {"BUSY", "NOT_SENT", "NOT_PLACED"}
        if not ends:
            return Facts()
        (end,), rules = ends, self.users[o.user].rules
        if o.called_off:
            return self._end(o, "CANCELLED", "")
        if end == "NOT_SENT":
            assert o.expires is not None
            if self.now >= o.expires:
                return self._end(o, "MISSED", "")
            longest = min(60 * SECOND, SECOND * 2 ** (o.try_ - 1))
            o.try_ += 1
            o.wait(
                max(self.now, min(self.now + 100, o.expires)),
                max(self.now, min(self.now + max(longest, 100), o.expires)),
            )
            return Facts()
        if end == "NOT_PLACED" or o.attempt >= rules.attempts:
            return self._end(o, "GAVE_UP", "")
        longest = min(max(rules.backoff_ms, 60 * MINUTE), rules.backoff_ms * 2 ** (o.attempt - 1))
        o.attempt, o.try_, o.expires = o.attempt + 1, 1, None
        o.wait(self.now, self.now + longest)
        return Facts()

    # -- the clock

    def look(self, put_out: Facts) -> Facts:
        """Every timer whose time has come. `put_out`: what the subject has made of those with jitter."""
        facts = Facts()
        for o in list(self.known):
            if o.status == "kept" and o.due <= self.now:
                facts += self._end(o, "EXPIRED", "expired")
            elif o.status == "waiting" and o.at <= self.now:
                chosen = any(put_out[kind, o.sid, o.due] for kind in ("FIRED", "MISSED", "CANCELLED"))
                if chosen or self.now >= o.until:
                    facts += self._due(o, put_out)
            elif o.status == "out" and (o.fired_at or 0) + 8 * DAY <= self.now:
                facts += self._end(o, "CANCELLED" if o.called_off else "MISSED", "")
            elif o.status == "heard" and o.forget_at <= self.now:
                self._remember(o)
            elif o.status == "over" and o.forget_at <= self.now:
                self.known.remove(o)
        return facts

    def _due(self, o: Occurrence, put_out: Facts) -> Facts:
        user = self.users[o.user]
        if user.out():
            return self._end(o, "CANCELLED", "cancelled")
        earliest, latest = (
            (o.expires, o.expires)
            if o.expires is not None
            else (o.at + user.rules.grace_ms, o.until + user.rules.grace_ms)
        )
        # Within a second of its timer a step is taken as at that instant; with jitter only the subject knows which.
        on_time = self.now - o.until <= SECOND
        if (self.now > latest and not on_time) or (self.now > earliest and put_out["MISSED", o.sid, o.due]):
            return self._end(o, "MISSED", "expired")
        if o.fired_at is None:
            self._count(o, pending=-1, fired=1, open=1)
        o.status, o.fired_at = "out", self.now
        return Facts({("FIRED", o.sid, o.due): 1})

    # -- moves

    def of(self, user: str) -> list[Occurrence]:
        """The present occurrences of a user's reminders."""
        return [o for o in self.known if o.user == user and not o.replaced]

    def numbered(self, user: str, number: int) -> Occurrence | None:
        return next((o for o in self.of(user) if o.number == number), None)

    def _accept(self, o: Occurrence) -> None:
        self.known.append(o)
        self._count(o, accepted=1, pending=1)

    def _call_off(self, o: Occurrence) -> Facts:
        if o.called_off:
            return Facts()
        o.called_off = True
        return Facts({("CANCEL_ASKED", o.sid, o.due): 1})

    def _end(self, o: Occurrence, fact: str, unfired: str) -> Facts:
        if o.fired_at is None:
            self.known.remove(o)
            self._count(o, pending=-1, **{unfired: 1})
        else:
            self._remember(o)
        return Facts({(fact, o.sid, o.due): 1})

    def _remember(self, o: Occurrence) -> None:
        o.status, o.forget_at = "over", self.now + 8 * DAY
        self._count(o, open=-1)

    def _count(self, o: Occurrence, **moves: int) -> None:
        for name, amount in moves.items():
            self.classes[o.user, name] += amount
