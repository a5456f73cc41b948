"""A story of the replies stage, as `Story` for calls: crashes, zombies, a forgetful gate, lost requests and replies."""

from __future__ import annotations

from collections.abc import Callable

from streams.once.effects import Place
from streams.runtime.freshness import Look
from tests.property.calls.chance import Tape
from tests.property.calls.story import PAUSES_S, RESULTS, Broken
from tests.unit.streams.once.performing import perform
from tests.unit.streams.once.world import Owner, Pending, now
from tests.unit.streams.replies.line import SmsLine

NAMES = ("m1", "m2", "m3")


class SmsStory:
    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.line = SmsLine()
        self.former: list[Owner] = []
        self.orphans: list[Pending] = []
        self.line.settle()
        for name in NAMES:
            self.line.reply(name)

    def play(self) -> None:
        events: list[Callable[[], object]] = [
            *[self._turn] * 16,
            *[lambda: self._act(self.line.owner)] * 16,
            *[lambda: self.line.clock.advance(self.tape.draw(PAUSES_S))] * 3,
            *[self._former_acts] * 3,
            self._abort,
            self._take_over,
            self._gate_trouble,
            self._gate_back,
            self._disaster,
            self._call_back,
        ]
        while self.tape.left > 0:
            self.tape.draw(events)()
            self.check()
        self._mend()

    def _turn(self) -> None:
        if self.line.owner.lost:
            self._take_over()
        self.line.owner.turn()

    def _abort(self) -> None:
        aborted = self.tape.chance(70)
        self.line.owner.turn(abort=aborted, commit_lost=not aborted)

    def _act(self, owner: Owner) -> None:
        if not owner.runnable():
            return
        pending = self.tape.draw(owner.runnable())
        if isinstance(pending.effect, Place):
            self.line.carrier.script.append(self.tape.draw(RESULTS))
            owner.run(pending)
            self.line.carrier.script.clear()
        elif isinstance(pending.effect, Look) or self.tape.chance(85):
            owner.run(pending)
        else:
            owner.run(pending, reply_lost=True)

    def _take_over(self) -> None:
        old = self.line.owner
        self.line.take_over()
        if old.lost or self.tape.chance(40):
            old.give_up()
        if self.tape.chance(60):
            self.former.append(old)
        else:
            self.orphans += [p for p in old.pending if isinstance(p.effect, Place)]

    def _disaster(self) -> None:
        self.orphans += [p for p in self.line.owner.pending if isinstance(p.effect, Place)]
        self.line.server.restart(keep=False)
        self.line.take_over()

    def _former_acts(self) -> None:
        if self.orphans:
            now(perform(self.orphans.pop().effect, self.line.gate, self.line.carrier, self.line.clock))
        elif self.former:
            owner = self.tape.draw(self.former)
            self._act(owner)
            owner.turn()

    def _gate_trouble(self) -> None:
        if self.tape.chance(30):
            self.line.server.away = True
        else:
            self.line.server.restart(keep=self.tape.chance(30))

    def _gate_back(self) -> None:
        self.line.server.away = False

    def _call_back(self) -> None:
        sids = sorted(self.line.carrier.purpose)
        if sids:
            sid = self.tape.draw(sids)
            self.line.callback(self.line.carrier.purpose[sid], self.tape.draw(("SENT", "DELIVERED")), sid)

    def _mend(self) -> None:
        line = self.line
        line.server.away = False
        line.carrier.late.clear()
        if line.owner.lost:
            line.take_over()
        for _ in range(8):
            line.pass_time(20)
        self.check()
        live = [key for key in line.committed if key.startswith("c|")]
        if live:
            raise Broken(f"I6 never ended: {live}")

    def check(self) -> None:
        accepted = self.line.carrier.accepted()
        twice = [name for name, times in accepted.items() if times > 1]
        if twice:
            raise Broken(f"I1 sent twice: {twice}")
