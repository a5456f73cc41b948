"""A story of the calls stage: two users, owners that crash, pause and come back, a gate that forgets, a carrier that
loses requests and replies, callbacks in any order. After every event the invariants of the protocol are checked.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from streams.calls.fold import Fold
from streams.ids import CallKey, Occurrence
from streams.once.carrier import CALL_STATES, ENDED, CallRequest, PlaceResult
from streams.once.effects import Place
from streams.runtime.freshness import Look
from streams.topology import CALLS
from tests.property.calls.chance import Tape
from tests.property.calls.gateway import answering
from tests.property.calls.reminders import Reminders
from tests.unit.streams.calls.line import RESOLVE_MS, Line
from tests.unit.streams.once.performing import perform
from tests.unit.streams.once.scripted import ScriptedCarrier
from tests.unit.streams.once.world import Owner, Pending, now

USERS = ("acme|+14155550101", "acme|+14155550102")
NEXT_STATUS = {
    "queued": ("ringing", "ringing", "ringing", "failed"),
    "ringing": ("in-progress", "in-progress", "in-progress", "busy", "no-answer"),
    "in-progress": ("completed",),
}
RESULTS = ("accept", "accept", "reply_lost", "later", "dropped", "not_sent", "refused")
PAUSES_S = (*[0.001] * 4, *[0.02] * 4, 0.1, 0.1, 0.6, 0.6, 2.1, 6.0, 12.0, 125.0)


class Broken(AssertionError):
    """An invariant does not hold; the first word names it."""


class WatchedCarrier(ScriptedCarrier):
    """Checks at the moment of a request what must hold then."""

    check: Callable[[CallRequest], None]

    async def place_call(self, request: CallRequest) -> PlaceResult:
        self.check(request)
        return await super().place_call(request)


class Story:
    """`watch`: the invariants that end the story when they are broken; empty: all."""

    def __init__(self, tape: Tape, *watch: str) -> None:
        self.tape = tape
        self.watch = watch
        self.line = Line()
        self.line.carrier = carrier = WatchedCarrier(self.line.clock)
        carrier.check = self._before_post
        self.reminders = Reminders(self.line)
        self.former: list[Owner] = []  # zombies, and owners that know that they lost the partition
        self.orphans: list[Pending] = []  # requests of the dead that are still on their way
        self.mail: list[tuple[CallKey, str, str]] = []  # callbacks that the carrier has yet to make
        self.line.settle()
        self.talks: dict[str, Iterator[None]] = {}
        self.heard: dict[Occurrence, list[str]] = defaultdict(list)
        self.furthest: dict[str, Fold] = {}
        self.passed_read = 0
        for number in range(3):
            self.reminders.fire(f"r{number}", USERS[number % 2])

    # -- what may happen

    def play(self) -> None:
        """Let the tape decide until it is used up, then mend the world and see everything come to its end."""
        events: list[Callable[[], None]] = [
            *[self._turn] * 16,
            *[self._run] * 16,
            *[self._carrier_acts] * 6,
            *[self._talk] * 12,
            *[self._call_back] * 4,
            *[self._pause] * 4,
            *[self._former_acts] * 3,
            self._abort,
            self._abort,
            self._take_over,
            self._gate_trouble,
            self._gate_back,
            self._disaster,
            self._user_says,
        ]
        while self.tape.left > 0:
            self.tape.draw(events)()
            self.check()
        self._mend()

    def _turn(self) -> None:
        if self.line.owner.lost:
            self._take_over()
        self.line.owner.turn()
        self.reminders.learn()

    def _abort(self) -> None:
        if self.tape.chance(70):
            self.line.owner.turn(abort=True)
        else:
            self.line.owner.turn(commit_lost=True)

    def _run(self) -> None:
        self._act(self.line.owner)

    def _act(self, owner: Owner) -> None:
        ready = owner.runnable()
        if not ready:
            return
        pending = self.tape.draw(ready)
        if isinstance(pending.effect, Place):
            self.line.carrier.script.append(self.tape.draw(RESULTS))
            owner.run(pending)
            self.line.carrier.script.clear()
        elif isinstance(pending.effect, Look) or self.tape.chance(85):
            owner.run(pending)
        elif self.tape.chance(50):
            owner.run(pending, reply_lost=True)
        else:
            owner.fail(pending)

    def _pause(self) -> None:
        self.line.clock.advance(self.tape.draw(PAUSES_S))

    def _take_over(self) -> None:
        old = self.line.owner
        self.line.take_over()
        if old.lost or self.tape.chance(30):
            old.give_up()
            self.former.append(old)
        elif self.tape.chance(50):
            self.former.append(old)  # a zombie: it finds out at its next commit
        else:
            self.orphans += [p for p in old.pending if isinstance(p.effect, Place)]

    def _disaster(self) -> None:
        """The machine with the owner and the gate's server dies; requests are still on their way."""
        self.orphans += [p for p in self.line.owner.pending if isinstance(p.effect, Place)]
        self.line.server.restart(keep=False)
        self.line.take_over()

    def _former_acts(self) -> None:
        if self.orphans and self.tape.chance(50):
            orphan = self.orphans.pop()
            if not self.line.server.away:
                now(perform(orphan.effect, self.line.gate, self.line.carrier, self.line.clock))
        elif self.former:
            owner = self.tape.draw(self.former)
            if self.tape.chance(50):
                self._act(owner)
            owner.turn()

    def _gate_trouble(self) -> None:
        if self.line.server.away or self.tape.chance(30):
            self.line.server.away = not self.line.server.away
        else:
            self.line.server.restart(keep=self.tape.chance(30))

    def _gate_back(self) -> None:
        self.line.server.away = False

    def _carrier_acts(self) -> None:
        carrier = self.line.carrier
        if carrier.late and self.tape.chance(20):
            self._news(carrier.deliver_late())
        going = [c for c in carrier.calls.values() if c.status not in ENDED]
        if going:
            call = self.tape.draw(going)
            carrier.become(call.sid, self.tape.draw(NEXT_STATUS[call.status]))
            self._news(call.sid)

    def _news(self, sid: str) -> None:
        """The carrier calls back: perhaps twice, perhaps never."""
        key = CallKey.parse(self.line.carrier.purpose[sid])
        state = CALL_STATES[self.line.carrier.calls[sid].status]
        self.mail += [(key, state, sid)] * self.tape.draw((0, 1, 1, 2))

    def _call_back(self) -> None:
        if self.mail:
            news = self.tape.draw(self.mail)
            self.mail.remove(news)
            self._write(*news)

    def _write(self, key: CallKey, state: str, sid: str) -> None:
        self.line.callback(key, state, sid, self._user(key))

    def _user(self, key: CallKey) -> str:
        return self.reminders.known[key.occurrence].user

    def _talk(self) -> None:
        """One step of the gateway's answer to some call that was picked up."""
        talking = [c.sid for c in self.line.carrier.calls.values() if c.status == "in-progress"]
        sids = sorted({*talking, *self.talks})
        if not sids:
            return
        sid = self.tape.draw(sids)
        if sid not in self.talks:
            key = CallKey.parse(self.line.carrier.purpose[sid])
            stored, heard = (lambda: self.tape.chance(80)), (lambda: self._hear(key.occurrence, sid))
            self.talks[sid] = answering(self.line, key, self._user(key), sid, stored, heard)
        if next(self.talks[sid], "over") == "over":
            del self.talks[sid]

    def _hear(self, occurrence: Occurrence, sid: str) -> None:
        if self.line.carrier.calls[sid].status == "in-progress" and sid not in self.heard[occurrence]:
            self.heard[occurrence].append(sid)

    def _user_says(self) -> None:
        user = self.tape.draw(USERS)
        kind = self.tape.draw(("OPTED_OUT", "OPTED_IN", "CANCEL_ASKED", "copy"))
        mine = [r for r in self.reminders.known.values() if r.user == user and not r.end]
        if kind == "OPTED_IN" or (kind == "OPTED_OUT" and self.tape.chance(30)):
            self.line.fact(kind, user=user)
        elif mine and kind in ("CANCEL_ASKED", "copy"):
            reminder = self.tape.draw(mine)
            if kind == "copy":
                key = reminder.key
                self.line.due(key.reminder_id, key.attempt, key.try_, user=user)
            else:
                reminder.called_off = True
                self.line.fact("CANCEL_ASKED", reminder.key, user)

    # -- the end

    def _mend(self) -> None:
        """Everything works again. An UNKNOWN ends in time although the carrier's list is away; then all else ends."""
        line = self.line
        self.former, self.orphans = [], []
        line.server.away = False
        line.carrier.late.clear()
        if line.owner.lost:
            line.take_over()
        line.carrier.away = True
        self._go_on(RESOLVE_MS / 1000 + 15)
        phases = {str(v["phase"]) for _, v in line.committed.values() if "phase" in v}
        if phases & {"UNKNOWN", "CLAIMED"}:
            self._broken(f"I10 still open after T_resolve: {sorted(phases)}")
        line.carrier.away = False
        for news in self.mail:
            self._write(*news)
        self.mail = []
        for _ in range(40):
            for sid, call in list(line.carrier.calls.items()):
                if call.status not in ENDED:
                    line.carrier.become(sid, "no-answer" if call.status != "in-progress" else "completed")
            self._go_on(15)
            if all(r.end for r in self.reminders.known.values()) and not self._live():
                return
        open_ = {str(r.key): sorted(r.fold.marks) for r in self.reminders.known.values() if not r.end}
        self._broken(f"I6 never ended: {open_} {self._live()}")

    def _live(self) -> list[str]:
        return [key for key in self.line.committed if key.startswith("c|")]

    def _go_on(self, seconds: float) -> None:
        for _ in range(3):
            self.line.pass_time(seconds / 3)
            self.reminders.learn()
        self.line.settle()
        self.reminders.learn()
        self.check()

    # -- what must hold

    def _broken(self, what: str) -> None:
        if not self.watch or what.split(maxsplit=1)[0] in self.watch:
            raise Broken(what)

    def _before_post(self, request: CallRequest) -> None:
        key, epoch = request.url, int(request.status_callback)
        claims = [
            e
            for e in self.line.evidence(CALLS.name)
            if e["state"] == "CLAIMED"
            and e["epoch"] == epoch
            and str(CallKey(e["reminder_id"], e["due_at"], e["attempt"], e["try"])) == key
        ]
        if not claims:
            self._broken(f"I3 a call without a committed claim: {key}")
        if not any(passed[:2] == (key, epoch) for passed in self.line.gate.passed):
            self._broken(f"I3 a call without a gate: {key}")

    def check(self) -> None:
        line = self.line
        twice = [key for key, times in line.carrier.accepted().items() if times > 1]
        if twice:
            self._broken(f"I1 called twice: {twice}")
        if any(len(sids) > 1 for sids in self.heard.values()):
            self._broken(f"I2 heard twice: {dict(self.heard)}")
        for key, epoch, newest in line.gate.passed[self.passed_read :]:
            if epoch < newest:
                self._broken(f"I4 {key} passed with epoch {epoch} after {newest}")
        self.passed_read = len(line.gate.passed)
        self._not_sent_is_true()
        self._nothing_goes_back()

    def _not_sent_is_true(self) -> None:
        """NOT_SENT means that the next try may ring: it must be certain."""
        called = Counter(line_key for line_key in self.line.carrier.purpose.values())
        for e in self.line.evidence(CALLS.name):
            key = str(CallKey(e["reminder_id"], e["due_at"], e["attempt"], e["try"]))
            if e["state"] == "NOT_SENT" and called[key]:
                self._broken(f"NOT_SENT of a call that was made: {key}")

    def _nothing_goes_back(self) -> None:
        """I9: folds only grow; what has ended stays so."""
        keys: set[str] = set()
        for state_key, (_, value) in self.line.committed.items():
            if state_key[:2] not in ("c|", "e|"):
                continue
            name, present = state_key[2:], Fold.of(value["sids"], value["marks"])
            before: Any = self.furthest.get(name, present)
            if name in keys or not before.marks <= present.marks or not set(before.sids) <= set(present.sids):
                self._broken(f"I9 {name} went back")
            keys.add(name)
            self.furthest[name] = present
