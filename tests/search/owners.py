"""What owners do: take events in transactions that commit, abort, or end nobody knows how; lose the partition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.once.effects import Ask, Checking, Fence, Fetch
from streams.runtime.freshness import Look
from streams.runtime.processor import Result
from tests.search.model import LASTING, Model
from tests.search.production import Stepped
from tests.search.world import Move, Owner, World


def moves(model: Model, world: World) -> Iterator[Move]:
    owner = model.owners.of[world.owner]
    if not owner.opened:
        yield from turn(model, world, owner, model.opening, "")
    else:
        for answer in sorted(set(owner.inbox)):
            yield from turn(model, world, owner, answer, "inbox")
        for queue in ("due", "calls", "facts"):
            unread: tuple[int, ...] = getattr(world, queue)
            if unread:
                yield from turn(model, world, owner, unread[0], queue)
        for wake in model.wakes(world.values)[0]:
            yield from turn(model, world, owner, wake, "")
    if model.may(world, "takeover"):
        yield from take_over(model, world, owner)
    for number in world.former:
        yield from _former(model, world, number)


def turn(model: Model, world: World, owner: Owner, event: int, source: str) -> Iterator[Move]:
    """One event in one transaction."""
    stepped = model.step(owner.memory, world.values, event)
    taken, left = _take(world, owner, event, source)
    what = ("the owner takes", event)
    if not stepped.wrote and source in ("", "inbox") and owner.opened:
        # Nothing to commit: no transaction, so nothing can go wrong with it.
        yield _done(model, taken, left._replace(memory=stepped.memory), stepped, what)
        return
    committed = model.write(taken._replace(values=stepped.values), stepped.sends)
    yield _done(
        model, committed, left._replace(memory=stepped.memory, opened=True), stepped, (*what, "and commits")
    )
    if model.may(world, "abort"):
        aborted = model.spend(world, "abort")
        traces = owner._replace(memory=stepped.memory)
        if model.bounds.effects_before_commit:
            aborted, traces = model.release(aborted, traces, stepped.effects)
        if (traces, aborted.server) != (owner, world.server):
            to = aborted._replace(owner=model.owners.number(traces))
            yield Move((*what, "and the transaction is aborted"), True, to)
    if model.may(world, "unknown commit"):
        unheard = model.spend(committed, "unknown commit")
        gone = owner._replace(memory=stepped.memory)
        to = new_owner(model, lose(model, unheard, gone))
        yield Move((*what, "and commits, but does not hear of it, and takes over again"), True, to)


def _done(model: Model, world: World, owner: Owner, stepped: Stepped, what: tuple[Any, ...]) -> Move:
    world, owner = model.release(world, owner, stepped.effects)
    return Move(what, False, world._replace(owner=model.owners.number(owner)))


def _take(world: World, owner: Owner, event: int, source: str) -> tuple[World, Owner]:
    """The event leaves its queue; looks that wait for it are nearer to their answer."""
    if source == "inbox":
        inbox = list(owner.inbox)
        inbox.remove(event)
        return world, owner._replace(inbox=tuple(inbox))
    if source == "":
        return world, owner
    if source in ("calls", "facts"):
        pending = []
        for each in owner.pending:
            waits: int = getattr(each, source)
            pending.append(each._replace(**{source: waits - 1}) if waits > 0 else each)
        owner = owner._replace(pending=tuple(sorted(pending)))
    return world._replace(**{source: getattr(world, source)[1:]}), owner


# -- the partition goes to another


def take_over(model: Model, world: World, owner: Owner) -> Iterator[Move]:
    spent = model.spend(world, "takeover")
    yield Move(("the owner crashes; another takes over",), True, new_owner(model, bury(model, spent, owner)))
    if owner.opened and (owner.pending or owner.inbox):
        # An owner that is told so is a zombie that learns it at once.
        clean = not world.calls and not world.facts
        looks = [_stalled(model, p) for p in owner.pending if not isinstance(model.things.of[p.effect], DEAF)]
        zombie = owner._replace(kind="zombie", values=world.values, clean=clean, pending=tuple(sorted(looks)))
        to = new_owner(model, _add_former(model, spent, attentive(model, zombie)))
        yield Move(("the owner is paused; another takes over",), True, to)


# What a zombie can do nothing with: each of these answers leads to a transaction, which tells it the truth, or nowhere.
DEAF = (Ask, Fetch, Fence)


def attentive(model: Model, zombie: Owner) -> Owner:
    """Without answers that it can do nothing with."""
    useful = [
        answer
        for answer in zombie.inbox
        if model.stage.late(answer) or not model.step(zombie.memory, zombie.values, answer).wrote
    ]
    return zombie._replace(inbox=tuple(useful))


def _stalled(model: Model, pending: Any) -> Any:
    """A zombie reads no more: a look that still waits for records will not be answered."""
    if isinstance(model.things.of[pending.effect], Look) and (pending.calls or pending.facts):
        return pending._replace(calls=-1, facts=-1)
    return pending


def new_owner(model: Model, world: World) -> World:
    return world._replace(owner=model.owners.number(Owner("owner", model.stage.fresh)))


def bury(model: Model, world: World, owner: Owner) -> World:
    """What a dead owner has sent may still arrive."""
    return _add_former(model, world, Owner("dead", model.stage.fresh, pending=_lasting(model, owner)))


def lose(model: Model, world: World, owner: Owner) -> World:
    """It knows that the partition is gone: what has come home is written plainly, what comes home later will be."""
    homeless = list(owner.inbox)
    for each in owner.pending:
        effect = model.things.of[each.effect]
        if isinstance(effect, Look) and isinstance(effect.about, Checking):
            homeless.append(model.things.number(Result(effect, None)))
    for answer in homeless:
        world = model.write(world, model.stage.late(answer))
    return _add_former(model, world, Owner("lost", model.stage.fresh, pending=_lasting(model, owner)))


def _lasting(model: Model, owner: Owner) -> tuple[Any, ...]:
    return tuple(p for p in owner.pending if isinstance(model.things.of[p.effect], LASTING))


def _add_former(model: Model, world: World, owner: Owner) -> World:
    former = [model.owners.of[number] for number in world.former]
    return world._replace(former=model.sort_owners([*former, owner]))


def replace_former(model: Model, world: World, number: int, by: Owner | None) -> World:
    former = [model.owners.of[each] for each in world.former]
    former.remove(model.owners.of[number])
    return world._replace(former=model.sort_owners([*former, by] if by else former))


def _former(model: Model, world: World, number: int) -> Iterator[Move]:
    """A zombie takes an answer: what needs no transaction works, and the first that does tells it the truth."""
    zombie = model.owners.of[number]
    if zombie.kind != "zombie":
        return
    for answer in sorted(set(zombie.inbox)):
        stepped = model.step(zombie.memory, zombie.values, answer)
        _, left = _take(world, zombie, answer, "inbox")
        if not stepped.wrote:
            to, left = model.release(world, left._replace(memory=stepped.memory), stepped.effects)
            left = attentive(model, left)
            yield Move(("the zombie takes", answer), False, replace_former(model, to, number, left))
    gone = lose(model, replace_former(model, world, number, None), zombie)
    yield Move(("the zombie learns that it has lost the partition",), False, gone)
