"""What all moves share: the tables of things, writing to the log, releasing effects, the passing of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from streams.calls import fold
from streams.ids import CallKey
from streams.once.effects import CancelCall as Cancel
from streams.once.effects import Enter, Fill, Finish, Place, Release
from streams.once.gate import Fenced, Taken
from streams.runtime.freshness import Look
from streams.runtime.processor import Opened, Record, Result, Signal, Wake
from streams.topology import CALLS, DUE, EVENTS
from tests.evidence import evidence
from tests.search import promises, records
from tests.search.frozen import LATEST_MS, NOW, OLDEST_MS, Numbered, freeze, thaw
from tests.search.production import USER, Evidence, Gates, Stage, Stepped
from tests.search.world import FAULT, FAULTS, Bounds, Broken, Line, Owner, Pending, World, Written

# What a tenure that is over may still do to the world. A late Fence is not among it: it can only refuse epochs that
# are older still, and a zombie may learn that it is one at any time anyway.
LASTING = (Enter, Fill, Release, Cancel, Place)


class Wrong(Exception):
    """An invariant does not hold after the move that is being made."""

    def __init__(self, invariant: str, why: str) -> None:
        super().__init__(invariant)
        self.broken = Broken(invariant, why)


class Model:
    """One search: its bounds, the production code, and everything that was ever seen, numbered."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.stage = Stage()
        self.gates = Gates()
        self.things = self.stage.events
        self.owners: Numbered[Owner] = Numbered()
        self.lines: Numbered[Line] = Numbered()
        self.writtens: Numbered[Written] = Numbered()
        self.opening = self.things.number(Opened(3))
        self._wakes: dict[int, tuple[tuple[int, ...], int | None]] = {}
        self._learned: dict[tuple[int, Evidence], tuple[int, tuple[CallKey, ...]]] = {}
        self._useful: dict[tuple[int, tuple[int, ...]], tuple[int, ...]] = {}
        self._evidence: dict[tuple[CallKey, str, str | None], int] = {}
        self._claimless: dict[int, int] = {}
        self._checked: set[tuple[int, int]] = set()
        self.most_calls = self.most_heard = 0

    def start(self) -> World:
        """An owner that has just taken the partition over, on an empty state."""
        nothing: tuple[Any, ...] = ()
        owner = self.owners.number(Owner("owner", self.stage.fresh))
        return World(
            values=self.stage.empty,
            due=nothing,
            calls=nothing,
            facts=nothing,
            owner=owner,
            former=nothing,
            server=self.gates.empty,
            lines=nothing,
            late=nothing,
            landing=nothing,
            written=self.writtens.number(Written()),
            used=(0,) * len(FAULTS),
        )

    # -- events

    def record(self, topic: str, name: str, value: dict[str, Any]) -> int:
        return self.things.number(freeze(Record(topic, 3, 0, 0, None, name, value)))

    def due(self, key: CallKey) -> int:
        return self.record(DUE.name, "ReminderDue", records.due(key))

    def evidence(self, key: CallKey, state: str, sid: str | None) -> int:
        known = self._evidence.get((key, state, sid))
        if known is None:
            record = self.record(CALLS.name, "CallEvent", evidence(key, USER, state, sid, 0))
            known = self._evidence[key, state, sid] = record
        return known

    def cancel(self, key: CallKey) -> int:
        return self.record(EVENTS.name, "ReminderEvent", records.cancel(key))

    def result(self, effect: int, answer: Any) -> int:
        return self.things.number(Result(self.things.of[effect], freeze(answer)))

    def wakes(self, values: int) -> tuple[tuple[int, ...], int | None]:
        """Timers that are due, and the time of the next (epoch ms). What has ended is never forgotten here."""
        known = self._wakes.get(values)
        if known is None:
            due, coming = [], []
            for key, (_, value) in thaw(self.stage.values.of[values]).items():
                at = None if key.startswith("e|") else value.get("wake_at")
                if at is not None and at <= NOW:
                    due.append(self.things.number(freeze(Wake(key, value))))
                elif at is not None and at < NOW + LATEST_MS:
                    coming.append(at)
            known = self._wakes[values] = (tuple(due), min(coming, default=None))
        return known

    # -- writing

    def write(self, world: World, evidence: Iterable[Evidence]) -> World:
        """Append to `calls.events`. What tells the owner nothing new is not queued: it would change nothing, now or
        later, because a fold only grows."""
        for each in evidence:
            key, state, sid, _ = each
            if state == "NOT_SENT" and any(self.lines.of[line].key == key for line in world.lines):
                self.wrong(
                    "NOT_SENT", f"NOT_SENT is written of try {key.attempt}.{key.try_}, which was called"
                )
            written, dues = self._learn(world.written, each)
            event = self.evidence(key, state, sid)
            seen = self.stage.step(self.stage.fresh, world.values, event)
            news = seen.values != world.values or seen.sends or seen.effects
            former = world.former
            if any(self.owners.of[n].kind == "zombie" and self.owners.of[n].clean for n in former):
                former = self.sort_owners(self.owners.of[n]._replace(clean=False) for n in former)
            world = world._replace(
                calls=(*world.calls, event) if news else world.calls,
                lines=self._without_old_mail(world.lines, sid) if sid else world.lines,
                due=(*world.due, *map(self.due, dues)),
                written=written,
                former=former,
            )
        return world

    def _without_old_mail(self, lines: tuple[int, ...], sid: str) -> tuple[int, ...]:
        """PLACED of a call that is known tells nothing any more."""
        told = []
        for number in lines:
            line = self.lines.of[number]
            old = line.sid == sid and "PLACED" in line.mail
            mail = tuple(state for state in line.mail if state != "PLACED")
            told.append(self.lines.number(line._replace(mail=mail)) if old else number)
        return tuple(told)

    def _learn(self, number: int, evidence: Evidence) -> tuple[int, tuple[CallKey, ...]]:
        """What the timer stream makes of one more piece of evidence: the number of the next `Written`, and the tries
        that it asks for."""
        known = self._learned.get((number, evidence))
        if known is None:
            known = self._learned[number, evidence] = self._read(self.writtens.of[number], evidence)
        return known

    def _read(self, written: Written, evidence: Evidence) -> tuple[int, tuple[CallKey, ...]]:
        key, state, sid, epoch = evidence
        written = written._replace(said=written.said | {(key, state, sid)})
        if epoch is not None:
            written = written._replace(claimed=written.claimed | {(key, epoch)})
        if key != written.present or written.end:
            return self.writtens.number(written), ()
        mine = fold.absorb_all((s, c) for k, s, c in sorted(written.said, key=repr) if k == key)
        if not fold.is_over(mine):
            return self.writtens.number(written), ()
        reads, following, end = fold.reads_as(mine), key, ""
        if any(s == "ANSWERED" for _, s, _ in written.said):
            end = "ANSWERED"
        elif written.called_off:
            end = "CANCELLED"
        elif reads == "NOT_SENT":
            following = key._replace(try_=key.try_ + 1)
            end = "MISSED" if key.try_ >= self.bounds.tries else ""
        elif reads == "NOT_PLACED" and not self.bounds.redial:
            end = "NOT_PLACED"
        else:
            following = key._replace(attempt=key.attempt + 1, try_=1)
            end = "GAVE_UP" if key.attempt >= self.bounds.attempts else ""
        if end:
            return self.writtens.number(written._replace(end=end)), ()
        return self.writtens.number(written._replace(present=following)), (following,)

    def note(self, world: World, **changes: Any) -> World:
        """Change what is kept for the invariants."""
        return world._replace(
            written=self.writtens.number(self.writtens.of[world.written]._replace(**changes))
        )

    # -- owners

    def sort_owners(self, owners: Iterable[Owner]) -> tuple[int, ...]:
        """Former owners in one order, those left out that can do nothing any more."""
        kept = [o for o in owners if o.pending or o.inbox]
        return tuple(sorted(self.owners.number(o) for o in kept))

    def without_the_futile(self, world: World) -> World:
        """Without what former owners have sent to the gate and what can change nothing there any more: what was
        refused once is refused for ever, as long as this life of the server lasts."""
        if not world.former or self.may(world, "redis loss"):
            return world
        key = (world.server, world.former)
        known = self._useful.get(key)
        if known is None:
            kept = []
            for owner in (self.owners.of[n] for n in world.former):
                pending = tuple(p for p in owner.pending if not self._is_futile(world.server, p))
                kept.append(owner._replace(pending=pending))
            known = self._useful[key] = self.sort_owners(kept)
        return world._replace(former=known) if known != world.former else world

    def _is_futile(self, server: int, pending: Pending) -> bool:
        effect = self.things.of[pending.effect]
        if not isinstance(effect, Enter | Fill):
            return False
        after, answer = self.gates.run(server, effect)
        return after == server and (isinstance(answer, Fenced | Taken) or isinstance(effect, Fill))

    def release(self, world: World, owner: Owner, effects: Sequence[Any]) -> tuple[World, Owner]:
        """Effects go out. A look's sample is taken at once, the earliest that may be; that an attempt has ended is
        told to the gate at once, and nobody waits for the answer."""
        pending = list(owner.pending)
        for effect in effects:
            if isinstance(effect, Signal):
                continue  # a figure for the books
            if isinstance(effect, Finish):
                world = world._replace(server=self.gates.run(world.server, effect)[0])
            elif isinstance(effect, Look):
                calls = len(world.calls) if CALLS.name in effect.topics else 0
                facts = len(world.facts) if EVENTS.name in effect.topics else 0
                if owner.kind == "zombie":
                    calls = facts = 0 if owner.clean else -1
                pending.append(Pending(self.things.number(effect), calls, facts))
            else:
                pending.append(Pending(self.things.number(effect)))
        return world, owner._replace(pending=tuple(sorted(pending)))

    def step(self, memory: int, values: int, event: int) -> Stepped:
        stepped = self.stage.step(memory, values, event)
        if stepped.values != values and (values, stepped.values) not in self._checked:
            then, now = (thaw(self.stage.values.of[n]) for n in (values, stepped.values))
            for broken in promises.of_a_step(then, now, stepped.sends):
                self.wrong(*broken)
            self._checked.add((values, stepped.values))
        return stepped

    # -- time and faults

    def may(self, world: World, kind: str) -> bool:
        number = FAULT[kind]
        return world.used[number] < self.bounds.each.get(kind, 0) and sum(world.used) < self.bounds.faults

    def spend(self, world: World, kind: str) -> World:
        number = FAULT[kind]
        return world._replace(used=(*world.used[:number], world.used[number] + 1, *world.used[number + 1 :]))

    def later(self, world: World, by_ms: int) -> World:
        """Time passes: everything that is known grows older."""
        older = self.stage.older
        known = {sid for _, _, sid in self.writtens.of[world.written].said}
        lines = [self._line_older(self.lines.of[n], by_ms, known) for n in world.lines]
        server = self.gates.forget_gates(world.server) if self.bounds.gates_expire else world.server
        return world._replace(
            values=older("values", self._without_claims(world), by_ms),
            owner=self.owners.number(self._older(self.owners.of[world.owner], by_ms)),
            former=self.sort_owners(self._older(self.owners.of[n], by_ms) for n in world.former),
            lines=tuple(map(self.lines.number, lines)),
            server=server,
        )

    @staticmethod
    def _line_older(line: Line, by_ms: int, known: set[str | None]) -> Line:
        """Its age is asked for only while nobody knows its name."""
        if line.sid in known:
            return line._replace(created_at=NOW)
        return line._replace(created_at=max(line.created_at - by_ms, NOW - OLDEST_MS))

    def _without_claims(self, world: World) -> int:
        """The state without the times of claims whose call is known, once no answer about them is on its way."""
        owner = self.owners.of[world.owner]
        things = [self.things.of[p.effect] for p in owner.pending] + [
            self.things.of[n].effect for n in owner.inbox
        ]
        if any(isinstance(thing, Place) for thing in things):
            return world.values
        known = self._claimless.get(world.values)
        if known is None:
            state = thaw(self.stage.values.of[world.values])
            for _, value in state.values():
                if value.get("phase") in ("PLACED", "UNHEARD"):
                    value["claimed_at"] = value["first_claimed_at"] = value["placed_at"] = None
            known = self._claimless[world.values] = self.stage.values.number(freeze(state))
        return known

    def _older(self, owner: Owner, by_ms: int) -> Owner:
        older = self.stage.older
        pending = [
            p._replace(effect=older("events", p.effect, by_ms), age_ms=self._aged(p, by_ms))
            for p in owner.pending
        ]
        return owner._replace(
            memory=older("memories", owner.memory, by_ms),
            values=older("values", owner.values, by_ms),
            pending=tuple(sorted(pending)),
            inbox=tuple(sorted(older("events", event, by_ms) for event in owner.inbox)),
        )

    def _aged(self, pending: Pending, by_ms: int) -> int:
        is_look = isinstance(self.things.of[pending.effect], Look)
        return min(pending.age_ms + by_ms, 3_000) if is_look else 0

    # -- what must hold

    def wrong(self, invariant: str, why: str) -> None:
        """Raises Wrong when that invariant counts in this search."""
        if invariant in self.bounds.watch:
            raise Wrong(invariant, why)

    def is_good_end(self, world: World) -> bool:
        """The reminder has an end in writing, and no try is open."""
        live = any(key.startswith("c|") for key, _ in self.stage.values.of[world.values].items)
        return bool(self.writtens.of[world.written].end) and not live
