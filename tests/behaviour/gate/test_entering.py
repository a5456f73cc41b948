"""Who may place an attempt: once, by the newest owner, whatever is asked again."""

from __future__ import annotations

import asyncio

import pytest

from streams.once.gate import Fenced, GateEntry, NotReady, Passed, Say, Taken
from tests.behaviour.gate.worlds import FullGate, World, filled

pytestmark = pytest.mark.anyio

SCOPE = "calls:3"
KEY = "r-1|1795000000000|1|1"
SAY = Say("acme|+14155550101", "buy milk — “2 litres” & <b>bread</b>", "en", "acme")


async def test_the_first_token_passes_and_the_entry_says_what_the_call_says(gate: FullGate) -> None:
    """A gate that was passed reads back as gated, by its epoch, with the words unchanged."""
    await filled(gate, SCOPE)
    assert await gate.enter(SCOPE, KEY, 7, "t1", SAY, None) == Passed()
    assert await gate.read(KEY) == GateEntry(KEY, 7, gated=True, finished=False, say=SAY)


async def test_an_sms_has_no_words_at_the_gate(gate: FullGate) -> None:
    """Without `say` the entry has none."""
    await filled(gate, SCOPE)
    await gate.enter(SCOPE, "reply|1", 7, "t1", None, None)
    assert await gate.read("reply|1") == GateEntry("reply|1", 7, gated=True, finished=False)


async def test_the_same_token_asking_again_is_answered_the_same(gate: FullGate) -> None:
    """A script that ran but whose reply was lost is asked again: the answer is the same, not Taken."""
    await filled(gate, SCOPE)
    assert [await gate.enter(SCOPE, KEY, 7, "t1", SAY, None) for _ in range(3)] == [Passed()] * 3


async def test_another_token_finds_it_taken(gate: FullGate) -> None:
    """Two claims of one attempt: only the first passes, also when the second has a newer epoch."""
    await filled(gate, SCOPE)
    await gate.enter(SCOPE, KEY, 7, "t1", SAY, None)
    assert await gate.enter(SCOPE, KEY, 7, "t2", SAY, None) == Taken()
    assert await gate.enter(SCOPE, KEY, 8, "t3", SAY, None) == Taken()


async def test_of_two_owners_at_once_one_passes(world: World) -> None:
    """However many ask at the same moment, through clients of their own: one Passed, the others Taken."""
    gates = [world.client() for _ in range(8)]
    await filled(gates[0], SCOPE)
    verdicts = await asyncio.gather(
        *(gate.enter(SCOPE, KEY, 7, f"t{number}", SAY, None) for number, gate in enumerate(gates))
    )
    assert sorted(map(repr, verdicts)) == [repr(Passed())] + [repr(Taken())] * 7


async def test_a_finished_attempt_stays_shut_for_its_own_token_too(gate: FullGate) -> None:
    """Finished is for ever: neither its token nor another passes."""
    await filled(gate, SCOPE)
    await gate.enter(SCOPE, KEY, 7, "t1", SAY, None)
    await gate.finish([KEY])
    assert await gate.enter(SCOPE, KEY, 7, "t1", SAY, None) == Taken()
    assert await gate.enter(SCOPE, KEY, 9, "t2", SAY, None) == Taken()
    entry = await gate.read(KEY)
    assert entry is not None
    assert entry.finished


async def test_an_attempt_can_be_finished_before_it_was_gated(gate: FullGate) -> None:
    """An attempt that ended without a call (NOT_SENT) is shut although nobody had passed."""
    await filled(gate, SCOPE)
    await gate.finish([KEY])
    assert await gate.enter(SCOPE, KEY, 7, "t1", SAY, None) == Taken()


async def test_an_older_epoch_is_fenced_from_the_whole_scope(gate: FullGate) -> None:
    """Once an owner with epoch 8 has entered anything of the scope, epoch 7 enters nothing there."""
    await filled(gate, SCOPE)
    await gate.enter(SCOPE, "other|1|1|1", 8, "t1", SAY, None)
    assert await gate.enter(SCOPE, KEY, 7, "t2", SAY, None) == Fenced(8)
    assert await gate.read(KEY) is None


async def test_a_fenced_zombie_is_refused_even_with_a_token_that_had_passed(gate: FullGate) -> None:
    """The zombie passed, froze, and asks again after the new owner fenced: it must not post."""
    await filled(gate, SCOPE)
    await gate.enter(SCOPE, KEY, 7, "zombie", SAY, None)
    stood = await gate.fence(SCOPE, 8, [KEY])
    assert stood == {KEY: GateEntry(KEY, 7, gated=True, finished=False, say=SAY)}
    assert await gate.enter(SCOPE, KEY, 7, "zombie", SAY, None) == Fenced(8)


async def test_a_fence_tells_what_was_never_gated_and_keeps_it_for_the_new_owner(gate: FullGate) -> None:
    """A claim that its owner never gated is not in the answer; the new owner may pass, the old may not."""
    await filled(gate, SCOPE)
    assert await gate.fence(SCOPE, 8, [KEY]) == {}
    assert await gate.enter(SCOPE, KEY, 7, "zombie", SAY, None) == Fenced(8)
    assert await gate.enter(SCOPE, KEY, 8, "new", SAY, None) == Passed()


async def test_a_fence_holds_for_the_attempt_in_any_scope(gate: FullGate) -> None:
    """The key is fenced by itself, not only through the scope its owner happened to name."""
    await filled(gate, SCOPE)
    await filled(gate, "calls:4")
    await gate.fence("calls:4", 8, [KEY])
    assert await gate.enter(SCOPE, KEY, 7, "t", SAY, None) == Fenced(8)


async def test_a_fence_without_attempts_raises_the_scope(gate: FullGate) -> None:
    """An owner that takes over nothing open still shuts its predecessor out."""
    await filled(gate, SCOPE)
    assert await gate.fence(SCOPE, 8, []) == {}
    assert await gate.enter(SCOPE, KEY, 7, "t", SAY, None) == Fenced(8)


async def test_epochs_only_rise(gate: FullGate) -> None:
    """A late fence by an older owner changes nothing."""
    await filled(gate, SCOPE)
    await gate.fence(SCOPE, 8, [KEY])
    assert (await gate.fence(SCOPE, 7, [KEY]))[KEY].epoch == 8
    assert await gate.enter(SCOPE, KEY, 7, "t", SAY, None) == Fenced(8)


async def test_a_fence_of_many_attempts(gate: FullGate) -> None:
    """More attempts than one script takes: each is fenced, each that stood is told."""
    await filled(gate, SCOPE)
    keys = [f"r|{number}|1|1" for number in range(450)]
    for key in keys[::50]:
        await gate.enter(SCOPE, key, 7, "t", None, None)
    assert sorted(await gate.fence(SCOPE, 8, keys)) == sorted(keys[::50])
    assert await gate.enter(SCOPE, keys[-1], 7, "t", None, None) == Fenced(8)


async def test_an_unfilled_scope_lets_nobody_in(gate: FullGate) -> None:
    """Nothing passes, and nothing is written, before the scope was filled in this life of the server."""
    assert await gate.enter(SCOPE, KEY, 7, "t", SAY, None) == NotReady(await gate.generation())
    assert await gate.read(KEY) is None
    await filled(gate, "calls:4")
    assert isinstance(await gate.enter(SCOPE, KEY, 7, "t", SAY, None), NotReady)
