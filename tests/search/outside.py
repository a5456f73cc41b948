"""What happens outside Kafka: effects run at the gate and the carrier, phones are picked up, time passes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.ids import CallKey
from streams.once.carrier import CALL_STATES, CarrierCall, NotSent, Placed, Refused, Unknown
from streams.once.effects import (
    Ask,
    CancelCall,
    Enter,
    Fence,
    Fetch,
    Fill,
    Place,
    Release,
    Stale,
    Unavailable,
)
from streams.once.gate import Passed
from streams.runtime.freshness import Look
from streams.runtime.processor import Result
from tests.search.frozen import NOW
from tests.search.model import Model
from tests.search.owners import attentive, replace_former
from tests.search.production import OURS, RESOLVE_MS
from tests.search.world import Line, Move, Owner, Pending, World

PAUSES_MS = (2_100, RESOLVE_MS + 5_000)


def moves(model: Model, world: World) -> Iterator[Move]:
    for number in (world.owner, *world.former):
        for pending in sorted(set(model.owners.of[number].pending)):
            yield from _effect(model, world, number, pending)
    for request in sorted(set(world.late)):
        left = list(world.late)
        left.remove(request)
        without = world._replace(late=tuple(left))
        yield Move(("a late request reaches the carrier",), False, accept(model, without, *request))
    if model.may(world, "redis loss"):
        spent = model.spend(world, "redis loss")
        for keep in (False, True):
            words = "Redis is restarted with its data" if keep else "Redis loses everything"
            yield Move((words,), True, spent._replace(server=model.gates.restart(world.server, keep=keep)))
    written = model.writtens.of[world.written]
    if not written.end and not written.called_off and model.may(world, "cancel"):
        asked = model.note(model.spend(world, "cancel"), called_off=True)
        fact = model.cancel(written.present)
        yield Move(("the user cancels",), True, asked._replace(facts=(*asked.facts, fact)))
    yield from _time(model, world)


# -- effects


def _effect(model: Model, world: World, number: int, pending: Pending) -> Iterator[Move]:
    owner = model.owners.of[number]
    effect = model.things.of[pending.effect]
    left = list(owner.pending)
    left.remove(pending)
    rest = owner._replace(pending=tuple(left))

    def home(after: World, answer: Any, *words: Any, fault: str = "") -> Move:
        what = (f"{owner.kind}: ", pending.effect, *words)
        if fault:
            after = model.spend(after, fault)
        return Move(what, bool(fault), _come_home(model, after, number, rest, Result(effect, answer)))

    match effect:
        case Enter() | Fence() | Fill() | Release():
            ran, answer = _at_the_gate(model, world, effect)
            yield home(ran, answer, "is answered")
            if owner.kind in ("owner", "zombie") and model.may(world, "redis reply"):
                yield home(ran, Unavailable(""), "runs, and the reply is lost", fault="redis reply")
                if ran != world:
                    yield home(world, Unavailable(""), "does not run", fault="redis reply")
        case Place():
            yield from _place(model, world, owner, effect, home)
        case Look():
            if pending.calls == 0 and pending.facts == 0:
                yield home(world, NOW - pending.age_ms, "is answered")
        case Ask() | Fetch() | CancelCall():
            asked, answer = _ask(model, world, effect)
            yield home(asked, answer, "is answered")
            if owner.kind in ("owner", "zombie") and model.may(world, "question"):
                yield home(world, Unavailable(""), "is not answered", fault="question")


def _come_home(model: Model, world: World, number: int, rest: Owner, result: Result) -> World:
    answer = model.result(model.things.number(result.effect), result.answer)
    if rest.kind == "owner":
        inbox = tuple(sorted((*rest.inbox, answer)))
        return world._replace(owner=model.owners.number(rest._replace(inbox=inbox)))
    if rest.kind == "zombie":
        # `rest` may have been marked as behind meanwhile.
        inbox = tuple(sorted((*rest.inbox, answer)))
        return replace_former(model, world, number, attentive(model, rest._replace(inbox=inbox)))
    gone = replace_former(model, world, number, rest)
    return model.write(gone, model.stage.late(answer)) if rest.kind == "lost" else gone


def _at_the_gate(model: Model, world: World, effect: Any) -> tuple[World, Any]:
    server, answer = model.gates.run(world.server, effect)
    world = world._replace(server=server)
    written = model.writtens.of[world.written]
    if isinstance(effect, Fence) and effect.epoch > written.fenced:
        world = model.note(world, fenced=effect.epoch)
    elif isinstance(effect, Enter) and isinstance(answer, Passed):
        if effect.epoch < written.fenced:
            model.wrong("I4", f"epoch {effect.epoch} passes the gate after {written.fenced} has fenced")
        key = CallKey.parse(effect.key)
        world = model.note(world, passed=written.passed | {(key, effect.epoch)})
    return world, answer


def _place(model: Model, world: World, owner: Owner, effect: Place, home: Any) -> Iterator[Move]:
    """Everything that can become of a request. A process may stand still between its last look at the clock and the
    request, so one that is too old may be sent all the same."""
    request: Any = effect.request
    key, epoch = CallKey.parse(request.url), int(request.status_callback)
    if owner.kind != "dead" and effect.not_after_ms < NOW:
        yield home(world, Stale(), "was too late, and is not sent")
    placed = accept(model, world, key, epoch)
    yield home(placed, Placed(_last_sid(model, placed)), "is accepted")
    if owner.kind == "dead":
        return
    if model.may(world, "doubled"):
        twice = _new_line(model, placed, key)
        yield home(
            twice, Placed(_last_sid(model, placed)), "is accepted, and made two calls of", fault="doubled"
        )
    if not model.may(world, "request"):
        return
    late = tuple(sorted((*world.late, (key, epoch))))
    for after, answer, words in (
        (placed, Unknown("timeout"), "is accepted, and the reply is lost"),
        (world._replace(late=late), Unknown("timeout"), "is on its way for longer than we wait"),
        (world, Unknown("timeout"), "is lost"),
        (world, NotSent("connection refused"), "is certainly not sent"),
        (world, Refused(21211, "not a phone number"), "is refused"),
    ):
        yield home(after, answer, words, fault="request")


def accept(model: Model, world: World, key: CallKey, epoch: int) -> World:
    """A request reaches the carrier: what must hold then is checked here."""
    written = model.writtens.of[world.written]
    lines = [model.lines.of[n] for n in world.lines]
    if (key, epoch) not in written.claimed:
        model.wrong("I3", "a call without a committed claim")
    if (key, epoch) not in written.passed:
        model.wrong("I3", "a call without a gate")
    if any(line.key == key for line in lines):
        model.wrong("I1", f"the carrier is asked a second time for try {key.attempt}.{key.try_}")
    if any(said[0] == key and said[1] == "NOT_SENT" for said in written.said):
        model.wrong("NOT_SENT", "a call is made of which NOT_SENT was written")
    if lines and not model.bounds.redial:
        attempts = {line.key.attempt for line in lines}
        if key.attempt in attempts:
            model.wrong("I1", f"two calls for attempt {key.attempt}")
    world = _new_line(model, world, key)
    if any(line.key != key and (line.key, "NOT_PLACED", None) in written.said for line in lines) or (
        lines and (key, "NOT_PLACED", None) in written.said
    ):
        model.wrong("I1 of an occurrence", "two calls, of which one was believed not to have been placed")
    model.most_calls = max(model.most_calls, len(world.lines))
    return world


def _new_line(model: Model, world: World, key: CallKey) -> World:
    line = Line(f"CA{len(world.lines) + 1}", key, "queued", ("PLACED",), NOW)
    return world._replace(lines=(*world.lines, model.lines.number(line)))


def _last_sid(model: Model, world: World) -> str:
    return model.lines.of[world.lines[-1]].sid


def replace_line(model: Model, world: World, at: int, line: Line) -> World:
    lines = (*world.lines[:at], model.lines.number(line), *world.lines[at + 1 :])
    return world._replace(lines=lines)


def become(line: Line, status: str) -> Line:
    """The call changes; if that is its end, a callback will say so."""
    state = CALL_STATES[status]
    mail = line.mail if status == "in-progress" else (*line.mail, state)
    return line._replace(status=status, mail=mail)


def _ask(model: Model, world: World, effect: Any) -> tuple[World, Any]:
    lines = [model.lines.of[n] for n in world.lines]
    match effect:
        case Ask():
            return world, tuple(
                _seen(line, effect.to) for line in lines if line.created_at >= effect.created_after_ms
            )
        case CancelCall(sid=sid):
            for at, line in enumerate(lines):
                if line.sid == sid and line.status == "queued":
                    lines[at] = become(line, "canceled")
                    world = replace_line(model, world, at, lines[at])
    found = [_seen(line, "") for line in lines if line.sid == effect.sid]
    return world, found[0] if found else None


def _seen(line: Line, to: str) -> CarrierCall:
    # Cut to what is read of it: a list that differs in the hour only is the same list.
    return CarrierCall(line.sid, to, OURS, line.status, 0)


# -- time


def _time(model: Model, world: World) -> Iterator[Move]:
    if world.landing or model.bounds.at_once:
        return  # the gateway's delivery timeout is shorter than anything that is waited for
    owner = model.owners.of[world.owner]
    due, coming = model.wakes(world.values)
    busy = bool(owner.inbox or world.due or world.calls or world.facts or due or not owner.opened)
    waits = any(not isinstance(model.things.of[p.effect], Place) for p in owner.pending)
    if not busy and not waits and coming is not None:
        _resolved_in_time(model, world)
        yield Move(
            (f"{(coming - NOW) / 1000} s pass, until the next timer",),
            False,
            model.later(world, coming - NOW),
        )
    if (busy or owner.pending) and model.may(world, "pause"):
        spent = model.spend(world, "pause")
        for pause_ms in PAUSES_MS:
            yield Move(
                (f"{pause_ms / 1000} s pass, and the owner stands still",), True, model.later(spent, pause_ms)
            )


def _resolved_in_time(model: Model, world: World) -> None:
    """I10, where the owner has nothing left to do: an UNKNOWN ends within T_resolve."""
    for key, (_, value) in model.stage.values.of[world.values].items:
        fields = dict(value.items) if key.startswith("c|") else {}
        since = fields.get("first_claimed_at")
        if fields.get("phase") == "UNKNOWN" and since is not None and NOW - since > RESOLVE_MS:
            model.wrong("I10", f"UNKNOWN for {(NOW - since) / 1000} s")
