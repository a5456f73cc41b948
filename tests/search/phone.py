"""The phone and the gateway: a call rings, is picked up, hears the words, ends; the carrier calls back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.once.answering import ComeAgain, ReadGate, WhichLife, Words, WriteAnswered
from streams.once.effects import Unavailable
from tests.search.model import Model
from tests.search.outside import become, replace_line
from tests.search.production import Talk, answered, picked_up
from tests.search.world import Line, Move, World


def moves(model: Model, world: World) -> Iterator[Move]:
    for at, number in enumerate(world.lines):
        line = model.lines.of[number]
        yield from _phone(model, world, at, line)
        yield from _callbacks(model, world, at, line)
        if line.talk is not None:
            yield from _talk(model, world, at, line)
    for key, sid in sorted(set(world.landing)):
        left = world._replace(landing=tuple(each for each in world.landing if each != (key, sid)))
        landed = model.write(left, [(key, "ANSWERED", sid, None)])
        yield Move((f"the unconfirmed ANSWERED of {sid} is written after all",), False, landed)
        yield Move((f"the unconfirmed ANSWERED of {sid} is lost",), False, left)


def _phone(model: Model, world: World, at: int, line: Line) -> Iterator[Move]:
    def to(changed: Line) -> World:
        return replace_line(model, world, at, changed)

    if line.status == "queued":
        if model.bounds.picks_up:
            yield Move((f"{line.sid} is picked up",), False, to(become(line, "in-progress")))
        yield Move((f"{line.sid} is not picked up",), False, to(become(line, "no-answer")))
    elif line.status == "in-progress":
        if line.heard or not model.bounds.at_once:
            yield Move((f"{line.sid} ends",), False, to(become(line, "completed")))
        if line.talk is None and not line.heard:
            asks = line._replace(talk=_read_on(model, world, picked_up(line.key, line.sid)))
            yield Move((f"the carrier asks what {line.sid} gets",), False, to(asks))


def _callbacks(model: Model, world: World, at: int, line: Line) -> Iterator[Move]:
    for state in sorted(set(line.mail)):
        without = line._replace(mail=tuple(each for each in line.mail if each != state))
        delivered = replace_line(model, world, at, without)
        evidence = [(line.key, state, line.sid, None)]
        what = f"the carrier calls back: {line.sid} {state}"
        yield Move((what,), False, model.write(delivered, evidence))
        if model.may(world, "callback"):
            spent = model.spend(world, "callback")
            lost = replace_line(model, spent, at, without)
            yield Move((f"the callback {line.sid} {state} is lost",), True, lost)
            yield Move((what, "and will again"), True, model.write(spent, evidence))


def _talk(model: Model, world: World, at: int, line: Line) -> Iterator[Move]:
    """One step of the gateway. It goes on although the call has ended: only the words need somebody who listens."""
    assert line.talk is not None
    wanted = line.talk[1]
    who = f"the gateway, for {line.sid}:"
    over = replace_line(model, world, at, line._replace(talk=None))
    if model.may(world, "gateway"):
        yield Move((who, "crashes"), True, model.spend(over, "gateway"))

    def on(after: World, answer: Any, *words: Any, fault: str = "") -> Move:
        assert line.talk is not None
        after = model.spend(after, fault) if fault else after
        talk = _read_on(model, after, answered(line.talk, answer))
        asked = model.lines.of[after.lines[at]]._replace(talk=talk)
        return Move((who, repr(wanted), *words), bool(fault), replace_line(model, after, at, asked))

    if isinstance(wanted, Words):
        yield from _words(model, world, at, line, who)
    elif isinstance(wanted, WriteAnswered):
        evidence = [(line.key, "ANSWERED", line.sid, None)]
        stored = model.write(world, evidence)
        yield on(stored, True, "is confirmed")
        if model.may(world, "gateway"):
            yield on(stored, False, "is written, not confirmed", fault="gateway")
            yield on(world, False, "is not written", fault="gateway")
            landing = world._replace(landing=tuple(sorted({*world.landing, (line.key, line.sid)})))
            yield on(landing, False, "is not confirmed, perhaps written later", fault="gateway")
    elif isinstance(wanted, ComeAgain):
        yield Move((who, repr(wanted)), False, over)
    elif hasattr(wanted, "outcome"):
        done = line._replace(talk=None)
        done = become(done, "completed") if line.status == "in-progress" else done
        yield Move((who, repr(wanted)), False, replace_line(model, world, at, done))
    else:
        server, answer = model.gates.run(world.server, wanted)
        ran = world._replace(server=server)
        yield on(ran, answer)
        if model.may(world, "redis reply"):
            yield on(ran, Unavailable(""), "runs, and the reply is lost", fault="redis reply")


def _read_on(model: Model, world: World, talk: Talk) -> Talk:
    """Life and gate are read at once where they cannot change any more: when makes no difference then."""
    while isinstance(talk[1], WhichLife | ReadGate) and not model.may(world, "redis loss"):
        talk = answered(talk, model.gates.run(world.server, talk[1])[1])
    return talk


def _words(model: Model, world: World, at: int, line: Line, who: str) -> Iterator[Move]:
    if line.status != "in-progress":
        yield Move(
            (who, "the words, but nobody listens"), False, _told(model, world, at, line._replace(talk=None))
        )
        return
    written = model.writtens.of[world.written]
    if (line.key, "ANSWERED", line.sid) not in written.said:
        model.wrong("I8", f"{line.sid} hears the words, and ANSWERED is not written")
    heard = [o.sid for o in (model.lines.of[n] for n in world.lines) if o.heard and o.sid != line.sid]
    if heard:
        model.wrong("I2", f"{line.sid} hears the words, which {heard[0]} has heard")
    model.most_heard = max(model.most_heard, len(heard) + 1)
    hearing = line._replace(talk=None, heard=True)
    yield Move((who, "the words are heard"), False, _told(model, world, at, hearing))
    if model.may(world, "gateway"):
        spent = replace_line(model, model.spend(world, "gateway"), at, hearing)
        yield Move((who, "the words are heard, and TOLD is lost"), True, spent)


def _told(model: Model, world: World, at: int, line: Line) -> World:
    return model.write(replace_line(model, world, at, line), [(line.key, "TOLD", line.sid, None)])
