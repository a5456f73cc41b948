"""The carrier's cap, and who has the words."""

from __future__ import annotations

import asyncio
import time

import pytest

from streams.once.gate import Cap, Passed, Taken, Wait
from tests.behaviour.gate.worlds import FullGate, World, filled

pytestmark = pytest.mark.anyio

SCOPE = "calls:3"
TEN_SECONDS_APART = Cap("AC1", 0.1)


async def test_the_cap_holds_across_clients(world: World) -> None:
    """Two members, one account: of many attempts at once one starts, the others are told how long to wait."""
    gates = [world.client(), world.client()]
    await filled(gates[0], SCOPE)
    verdicts = await asyncio.gather(
        *(gates[n % 2].enter(SCOPE, f"r|{n}|1|1", 7, f"t{n}", None, TEN_SECONDS_APART) for n in range(20))
    )
    waits = [verdict for verdict in verdicts if isinstance(verdict, Wait)]
    assert verdicts.count(Passed()) == 1
    assert len(waits) == 19
    assert all(0 < wait.wait_ms <= 10_000 for wait in waits)


async def test_who_waits_as_told_passes_no_faster_than_the_cap(world: World) -> None:
    """Five starts at 20 a second through two clients take at least four spacings, and end."""
    gates = [world.client(), world.client()]
    await filled(gates[0], SCOPE)
    cap = Cap("AC1", 20)

    async def start(number: int) -> None:
        while True:
            verdict = await gates[number % 2].enter(SCOPE, f"r|{number}|1|1", 7, f"t{number}", None, cap)
            if not isinstance(verdict, Wait):
                assert verdict == Passed()
                return
            await asyncio.sleep(verdict.wait_ms / 1000)

    began = time.monotonic()
    await asyncio.gather(*(start(number) for number in range(5)))
    assert time.monotonic() - began >= 4 * 0.050 - 0.002  # the server counts in its own microseconds


async def test_waiting_writes_nothing(gate: FullGate) -> None:
    """An attempt that found no slot is not gated."""
    await filled(gate, SCOPE)
    await gate.enter(SCOPE, "a|1|1|1", 7, "t", None, TEN_SECONDS_APART)
    assert isinstance(await gate.enter(SCOPE, "b|1|1|1", 7, "t", None, TEN_SECONDS_APART), Wait)
    assert await gate.read("b|1|1|1") is None


async def test_asking_again_takes_no_second_slot(gate: FullGate) -> None:
    """The retry of a lost reply passes without a slot of its own, and a shut gate costs none either."""
    await filled(gate, SCOPE)
    for _ in range(2):
        assert await gate.enter(SCOPE, "a|1|1|1", 7, "t", None, TEN_SECONDS_APART) == Passed()
    other = Cap("AC2", 0.1)
    assert await gate.enter(SCOPE, "a|1|1|1", 7, "t2", None, other) == Taken()
    assert await gate.enter(SCOPE, "b|1|1|1", 7, "t", None, other) == Passed()


async def test_accounts_have_caps_of_their_own(gate: FullGate) -> None:
    """One tenant's account being full delays nobody else's."""
    await filled(gate, SCOPE)
    for account in ("AC1", "AC2"):
        cap = Cap(account, 0.1)
        assert await gate.enter(SCOPE, f"{account}|1|1|1", 7, "t", None, cap) == Passed()


async def test_numbers_have_caps_of_their_own_below_that_of_the_account(gate: FullGate) -> None:
    """The second start from one number waits for that number; another number of the account may start."""
    await filled(gate, SCOPE)
    first, other = Cap("AC1", 10_000, "+14155550100", 0.1), Cap("AC1", 10_000, "+14155550199", 0.1)
    assert await gate.enter(SCOPE, "a|1|1|1", 7, "t", None, first) == Passed()
    verdict = await gate.enter(SCOPE, "b|1|1|1", 7, "t", None, first)
    assert isinstance(verdict, Wait)
    assert 9_000 < verdict.wait_ms <= 10_000
    await asyncio.wait_for(_pass(gate, "c|1|1|1", other), 5)
    same_number_elsewhere = Cap("AC2", 10_000, "+14155550100", 0.1)
    assert await gate.enter(SCOPE, "d|1|1|1", 7, "t", None, same_number_elsewhere) == Passed()


async def test_the_longer_of_two_waits_counts_and_neither_slot_is_taken(gate: FullGate) -> None:
    """A number that has no slot costs its account none, and an account that has none costs its numbers none."""
    await filled(gate, SCOPE)
    number = "+14155550100"
    assert await gate.enter(SCOPE, "a|1|1|1", 7, "t", None, Cap("AC1", 10_000, number, 0.05)) == Passed()
    await asyncio.sleep(0.001)
    longer = await gate.enter(SCOPE, "b|1|1|1", 7, "t", None, Cap("AC1", 0.1, number, 0.05))
    assert isinstance(longer, Wait)
    assert 15_000 < longer.wait_ms <= 20_000
    assert await gate.enter(SCOPE, "c|1|1|1", 7, "t", None, TEN_SECONDS_APART) == Passed(), (
        "account untouched"
    )

    shorter = await gate.enter(SCOPE, "d|1|1|1", 7, "t", None, Cap("AC1", 0.1, "+14155550199", 0.05))
    assert isinstance(shorter, Wait)
    assert shorter.wait_ms <= 10_000
    raised = Cap("AC1", 1_000, "+14155550199", 0.05)
    await asyncio.wait_for(_pass(gate, "d|1|1|1", raised), 5)  # the number untouched


async def _pass(gate: FullGate, key: str, cap: Cap) -> None:
    """Wait as told until it passes."""
    while isinstance(verdict := await gate.enter(SCOPE, key, 7, "t", None, cap), Wait):
        await asyncio.sleep(verdict.wait_ms / 1000)
    assert verdict == Passed()


async def test_a_number_that_may_start_nothing_waits(gate: FullGate) -> None:
    """Zero for a number is a pause of that number."""
    await filled(gate, SCOPE)
    assert await gate.enter(SCOPE, "a|1|1|1", 7, "t", None, Cap("AC1", 10, "+1", 0)) == Wait(1000)
    assert await gate.enter(SCOPE, "a|1|1|1", 7, "t", None, Cap("AC1", 10, "+2", 10)) == Passed()


async def test_a_cap_of_nothing_waits(gate: FullGate) -> None:
    """Zero starts a second is a pause, not a division by zero."""
    await filled(gate, SCOPE)
    assert await gate.enter(SCOPE, "a|1|1|1", 7, "t", None, Cap("AC1", 0)) == Wait(1000)


async def test_a_raised_cap_counts_at_once(gate: FullGate) -> None:
    """A slot taken at the old, slow rate holds the new, fast rate back for one of its own spacings only: who waits as
    told passes."""
    await filled(gate, SCOPE)
    await gate.enter(SCOPE, "a|1|1|1", 7, "t", None, Cap("AC1", 0.01))
    verdict = await gate.enter(SCOPE, "b|1|1|1", 7, "t", None, Cap("AC1", 10))
    assert isinstance(verdict, Wait)
    assert verdict.wait_ms <= 100
    began = time.monotonic()
    await asyncio.wait_for(_pass(gate, "b|1|1|1", Cap("AC1", 10)), 5)
    assert time.monotonic() - began < 2


async def test_the_first_sid_has_the_words(world: World) -> None:
    """Of many calls for one occurrence one gets the words, whoever asks and however often."""
    gates = [world.client() for _ in range(4)]
    holders = await asyncio.gather(*(gate.answer("o|1", f"CA{n}") for n, gate in enumerate(gates * 3)))
    assert len(set(holders)) == 1
    assert await gates[0].answer("o|2", "CA9") == "CA9"


async def test_only_the_holder_can_give_the_words_back(gate: FullGate) -> None:
    """A release by another call changes nothing; after the holder's, the next call may have them."""
    await gate.answer("o|1", "CA1")
    await gate.release("o|1", "CA2")
    assert await gate.answer("o|1", "CA2") == "CA1"
    await gate.release("o|1", "CA1")
    assert await gate.answer("o|1", "CA2") == "CA2"
