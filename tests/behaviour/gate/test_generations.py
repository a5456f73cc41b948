"""A server that was restarted is empty until proven full."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from streams.once.gate import Fenced, GateEntry, GateUnavailable, NotReady, Passed, Say, Taken
from tests.behaviour.gate.worlds import FullGate, World, filled

pytestmark = pytest.mark.anyio

SCOPE = "calls:3"
KEY = "r-1|1795000000000|1|1"
SAY = Say("acme|+14155550101", "buy milk", "en", "acme")


@pytest.mark.parametrize("keep", [True, False])
async def test_a_restarted_server_lets_nobody_in_until_it_is_filled(
    world: World, gate: FullGate, keep: bool
) -> None:
    """With its file or without: a new generation, NotReady, and after the fill the gate that was shut is shut."""
    await filled(gate, SCOPE)
    before = await gate.generation()
    await gate.enter(SCOPE, KEY, 7, "t", SAY, None)
    await world.restart(keep=keep)
    after = await gate.generation()
    assert after != before
    assert not await gate.ready(SCOPE)
    assert await gate.enter(SCOPE, "new|1|1|1", 7, "t", SAY, None) == NotReady(after)
    await filled(gate, SCOPE, [GateEntry(KEY, 7, gated=True, finished=False, say=SAY)])
    assert await gate.ready(SCOPE)
    assert await gate.enter(SCOPE, KEY, 7, "t2", SAY, None) == Taken()
    assert await gate.enter(SCOPE, "new|1|1|1", 7, "t", SAY, None) == Passed()


async def test_a_fill_across_a_restart_does_not_count(world: World, gate: FullGate) -> None:
    """The generation is checked in every chunk: a server that restarts in the middle is not ready.

    Whether the client notices the lost connection or the script the other generation is a matter of timing.
    """
    generation = await gate.generation()

    def restarting() -> Iterator[GateEntry]:
        for number in range(1000):
            if number == 700:
                world.restart_at_once(keep=True)
            yield GateEntry(f"r|{number}|1|1", 7, gated=True, finished=False)

    with contextlib.suppress(GateUnavailable):
        assert not await gate.fill(SCOPE, generation, restarting())
    assert not await gate.ready(SCOPE)
    assert not await gate.fill(SCOPE, generation, [])
    assert not await gate.ready(SCOPE)


async def test_a_fill_gives_the_words_to_who_has_them_in_the_log_before_any_gate_stands(
    gate: FullGate,
) -> None:
    """A fill that is cut off in the middle has left no gate whose words the next caller could hear again."""

    def cut_off() -> Iterator[GateEntry]:
        for number in range(500):
            yield GateEntry(f"r|{number}|1|1", 7, gated=True, finished=False, say=SAY)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await gate.fill(SCOPE, await gate.generation(), cut_off(), [("r|0", "CA1")])
    assert await gate.read("r|0|1|1") is not None
    assert await gate.answer("r|0", "CA2") == "CA1"


async def test_a_part_of_a_fill_lets_nobody_in(gate: FullGate) -> None:
    """Its answers and gates stand, and the scope is ready with the last part only; a part of another generation writes
    nothing."""
    generation = await gate.generation()
    assert await gate.fill(SCOPE, generation, [], [("r|0", "CA1")], last=False)
    assert await gate.fill(SCOPE, generation, [GateEntry(KEY, 7, gated=True, finished=False)], last=False)
    assert not await gate.ready(SCOPE)
    assert await gate.enter(SCOPE, "new|1|1|1", 7, "t", SAY, None) == NotReady(generation)
    other = GateEntry("o|1|1|1", 7, gated=True, finished=False)
    assert not await gate.fill(SCOPE, "another", [other], last=False)
    assert await gate.read("o|1|1|1") is None
    assert await gate.fill(SCOPE, generation, [])
    assert await gate.enter(SCOPE, KEY, 7, "t", SAY, None) == Taken()
    assert await gate.answer("r|0", "CA2") == "CA1"


async def test_a_fill_takes_the_words_from_nobody(gate: FullGate) -> None:
    """Who has the words in this life of the server keeps them."""
    await gate.answer("r|0", "CA1")
    assert await gate.fill(SCOPE, await gate.generation(), [], [("r|0", "CA2")])
    assert await gate.answer("r|0", "CA2") == "CA1"


async def test_a_fill_restores_every_field_and_fences(gate: FullGate) -> None:
    """Gated, finished, epoch and words come back; an owner older than the entries is fenced."""
    entries = [
        GateEntry("a|1|1|1", 5, gated=True, finished=False, say=SAY),
        GateEntry("b|1|1|1", 6, gated=True, finished=True),
        GateEntry("c|1|1|1", 6, gated=False, finished=False),
    ]
    await filled(gate, SCOPE, entries)
    assert [await gate.read(entry.key) for entry in entries] == entries
    assert await gate.enter(SCOPE, "d|1|1|1", 5, "t", SAY, None) == Fenced(6)
    assert await gate.enter(SCOPE, "c|1|1|1", 6, "t", SAY, None) == Passed()


async def test_a_fill_only_raises(gate: FullGate) -> None:
    """A fill from an older view of the log opens nothing and lowers nothing."""
    await filled(gate, SCOPE)
    await gate.enter(SCOPE, KEY, 9, "t", SAY, None)
    await gate.finish([KEY])
    await filled(gate, SCOPE, [GateEntry(KEY, 3, gated=False, finished=False)])
    assert await gate.read(KEY) == GateEntry(KEY, 9, gated=True, finished=True, say=SAY)


async def test_a_gate_that_was_filled_is_shut_for_the_token_that_had_it(gate: FullGate) -> None:
    """Tokens are not in the log: after a fill nobody can prove that the gate is its own."""
    await filled(gate, SCOPE, [GateEntry(KEY, 7, gated=True, finished=False)])
    assert await gate.enter(SCOPE, KEY, 7, "t", SAY, None) == Taken()


async def test_readiness_is_of_one_scope(gate: FullGate) -> None:
    """Filling one partition says nothing about another."""
    await filled(gate, "calls:4")
    assert await gate.ready("calls:4")
    assert not await gate.ready(SCOPE)


async def test_every_method_says_that_the_server_is_away(world: World, gate: FullGate) -> None:
    """GateUnavailable and nothing else, and the same client works once the server is back."""
    await filled(gate, SCOPE)
    generation = await gate.generation()
    world.leave()
    for attempt in (
        gate.generation(),
        gate.enter(SCOPE, KEY, 7, "t", SAY, None),
        gate.fence(SCOPE, 7, [KEY]),
        gate.fill(SCOPE, generation, []),
        gate.ready(SCOPE),
        gate.finish([KEY]),
        gate.read(KEY),
        gate.answer("o|1", "CA1"),
        gate.release("o|1", "CA1"),
    ):
        with pytest.raises(GateUnavailable):
            await attempt
    await world.restart(keep=True)
    assert await gate.read(KEY) is None


async def test_an_answer_bound_to_a_generation_is_not_given_in_another(world: World, gate: FullGate) -> None:
    """The gateway read the gate before the restart: the empty server must not hand the words out again."""
    generation = await gate.generation()
    assert await gate.answer("o|1", "CA1", generation) == "CA1"
    await world.restart(keep=False)
    with pytest.raises(GateUnavailable):
        await gate.answer("o|1", "CA2", generation)
    assert await gate.answer("o|1", "CA3", await gate.generation()) == "CA3", "nothing was written by CA2"
