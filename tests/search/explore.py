"""Breadth first through every state within the bounds; what is wrong is found by the shortest way to it."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from operator import le
from typing import Any

from streams.once.effects import Place
from tests.search import outside, owners, phone
from tests.search.model import Model, Wrong
from tests.search.telling import picture, tell
from tests.search.world import FIRST, Bounds, Broken, Found, Move, World


@dataclass
class Explored:
    """`whole`: every state within the bounds was seen."""

    bounds: Bounds
    states: int = 0
    transitions: int = 0
    depth: int = 0
    seconds: float = 0.0
    steps_of_production: int = 0
    most_calls: int = 0
    most_heard: int = 0
    whole: bool = False
    found: Found | None = None
    ends: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.bounds.name}: {self.states:,} states, {self.transitions:,} transitions, depth {self.depth}, "
            f"{self.seconds:.1f} s, {self.steps_of_production:,} different steps of the stage; "
            f"most calls {self.most_calls}, most times heard {self.most_heard}; bounds: {self.bounds}"
        )


def moves(model: Model, world: World) -> Iterator[Move]:
    """All that can happen next, in one order. A move that breaks an invariant ends in Broken."""
    for part in (owners.moves, phone.moves, outside.moves):
        found = part(model, world)
        while True:
            try:
                move = next(found, None)
            except Wrong as wrong:
                yield Move((wrong.broken.why,), False, wrong.broken)
                break
            if move is None:
                break
            yield move


def begin(model: Model) -> World:
    """Where the search begins: the door is open, and the first try is due. A takeover and a gate that has to be filled
    are explored from there on, when they can do harm.

    With `two_calls` it begins later: the carrier has made two calls of the one request, both are picked up, and no
    callback tells of them.
    """
    world = _at_rest(model, model.start())
    world = world._replace(due=(model.due(FIRST),))
    if not model.bounds.two_calls:
        return world
    world = _at_rest(model, world, stop=Place)
    place = model.owners.of[world.owner].pending[0].effect
    made = replace(model.bounds, faults=1, each={"doubled": 1})
    model.bounds, bounds = made, model.bounds
    doubled = next(m.to for m in outside.moves(model, world) if m.fault and place in m.what)
    model.bounds = bounds
    assert isinstance(doubled, World)
    lines = [model.lines.of[number]._replace(status="in-progress", mail=()) for number in doubled.lines]
    picked_up = doubled._replace(lines=tuple(map(model.lines.number, lines)), used=world.used)
    return _at_rest(model, picked_up)


def _at_rest(model: Model, world: World, stop: type | None = None) -> World:
    """The owner does what it has to do, and nothing goes wrong."""
    while True:
        out = [model.things.of[each.effect] for each in model.owners.of[world.owner].pending]
        if stop is not None and any(isinstance(effect, stop) for effect in out):
            return world
        kind = [m.to for m in owners.moves(model, world) if not m.fault]
        if not kind and out:
            kind = [m.to for m in outside.moves(model, world) if not m.fault]
        if not kind:
            return world
        assert isinstance(kind[0], World)
        world = kind[0]


class Search:
    def __init__(self, bounds: Bounds) -> None:
        self.model = Model(bounds)
        self.explored = Explored(bounds)
        self._worlds: list[World] = []
        self._numbers: dict[tuple[Any, ...], list[tuple[tuple[int, ...], int]]] = {}
        self._parents = array("q")
        self._kind_from, self._kind_to = array("q"), array("q")  # moves without a fault
        self._good: list[int] = []
        # Where no time passes, nothing has to come to its end.
        self._ends_count = "I6" in bounds.watch and not bounds.at_once

    def run(self) -> Explored:
        """Until the first violation, or the whole of it."""
        began = time.perf_counter()
        self._add(begin(self.model), -1)
        self.explored.found = self._search()
        if self.explored.found is None and self.explored.whole and self._ends_count:
            self.explored.found = self._nothing_is_lost()
        explored, model = self.explored, self.model
        explored.states, explored.seconds = len(self._worlds), time.perf_counter() - began
        explored.steps_of_production = model.stage.taken
        explored.most_calls, explored.most_heard = model.most_calls, model.most_heard
        return explored

    def _add(self, world: World, parent: int) -> int:
        """The number of a state: its own, or that of the same with no more faults behind it, which can do all that
        this one can."""
        same = self._numbers.setdefault(world[:-1], [])
        for used, number in same:
            if used == world.used or all(map(le, used, world.used)):
                return number
        number = len(self._worlds)
        same.append((world.used, number))
        self._worlds.append(world)
        self._parents.append(parent)
        return number

    def _search(self) -> Found | None:
        explored, model, worlds = self.explored, self.model, self._worlds
        at, level_end = 0, 1
        while at < len(worlds):
            if at == level_end:
                explored.depth, level_end = explored.depth + 1, len(worlds)
            kind = 0
            for move in moves(model, worlds[at]):
                explored.transitions += 1
                if isinstance(move.to, Broken):
                    return self._found(at, move.to)
                number = self._add(model.without_the_futile(move.to), at)
                if not move.fault and number != at:
                    kind += 1
                    self._kind_from.append(at)
                    self._kind_to.append(number)
            if model.is_good_end(worlds[at]):
                self._good.append(at)
            elif not kind and self._ends_count:
                return self._found(at, Broken("I6", "nothing more can happen, and the reminder has no end"))
            at += 1
            if len(worlds) > model.bounds.max_states:
                return None
        explored.whole = True
        return None

    def _nothing_is_lost(self) -> Found | None:
        """I6: from every state an end in writing can be reached without any further fault."""
        back: dict[int, list[int]] = {}
        for source, target in zip(self._kind_from, self._kind_to, strict=True):
            back.setdefault(target, []).append(source)
        reaches = bytearray(len(self._worlds))
        todo = list(self._good)
        for number in todo:
            reaches[number] = 1
        while todo:
            for source in back.get(todo.pop(), ()):
                if not reaches[source]:
                    reaches[source] = 1
                    todo.append(source)
        lost = reaches.find(0)
        if lost < 0:
            return None
        return self._found(lost, Broken("I6", "no end in writing can be reached any more"))

    def _found(self, at: int, broken: Broken) -> Found:
        path = [at]
        while self._parents[path[-1]] >= 0:
            path.append(self._parents[path[-1]])
        path.reverse()
        found = Found(broken.invariant, broken.why, path)
        for before, after in pairwise(path):
            found.words.append(self._between(before, after))
        found.words.append(f"{broken.invariant}: {broken.why}")
        return found

    def _between(self, before: int, after: int) -> str:
        for move in moves(self.model, self._worlds[before]):
            if (
                not isinstance(move.to, Broken)
                and self.model.without_the_futile(move.to) == self._worlds[after]
            ):
                return tell(self.model, move.what)
        raise AssertionError("a state has no way to it")

    def picture(self, found: Found, step: int) -> list[str]:
        """The state after a step of a trace (from 1; 0 is where the search began)."""
        return picture(self.model, self._worlds[found.states[min(step, len(found.states) - 1)]])
