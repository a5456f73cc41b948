"""Mistakes that are easy to make, planted in the production code or in its world. The search must find each.

A plant is named after the row of the table in the protocol's description ("Why in this order") that it stands for, or
after what it forgets; `found_as` is the invariant that the row names. `bounds` are as small as the shortest way to the
mistake needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from schemas.records import CallState
from streams.calls import fold
from streams.calls.book import Book, evidence, key_of
from streams.calls.following import Following
from streams.calls.processor import CallsProcessor
from streams.once import answering, claiming, outcome
from streams.once.answering import PickedUp, Words
from streams.once.carrier import PlaceResult, Unknown
from streams.once.claiming import Claiming
from streams.once.door import Door
from streams.once.effects import Enter, Fence, Place, Stale
from streams.once.gate import GateEntry, Passed, Taken, Verdict
from streams.once.memory_gate import MemoryGate
from streams.once.remembered import Page
from streams.runtime.processor import Do, Output, Result, State
from tests.search.explore import Explored, Search
from tests.search.world import Bounds

Patch = Callable[[pytest.MonkeyPatch], None]


def nothing(_: pytest.MonkeyPatch) -> None:
    """The mistake is in the world, not in the code."""


def call_then_commit(patch: pytest.MonkeyPatch) -> None:
    """A record is read, the call is placed, then the offset is committed: no claim, no gate."""

    def claim(self: Claiming[Any], attempts: Any, attempt: Any, now_ms: int) -> Iterator[Output]:
        key = attempts.key(attempt)
        attempt["phase"], attempt["epoch"], attempt["claimed_at"] = "CLAIMED", self._door.epoch, now_ms
        attempts.put(attempt)
        yield Do(Place(key, attempts.gate_key(attempt), now_ms, now_ms + 2_000, attempts.request(attempt)))

    patch.setattr(Claiming, "claim", claim)


def a_gate_that_is_taken_means_done(patch: pytest.MonkeyPatch) -> None:
    """SETNX, durable: who finds the gate set believes that somebody else makes the call, and forgets it."""

    def forget(_: Following, book: Book, call: CallState, now_ms: int, *__: Any) -> Iterator[Output]:
        book.end(call, now_ms)
        yield from ()

    patch.setattr(Following, "unknown", forget)


def _redial_what_is_gated(patch: pytest.MonkeyPatch) -> None:
    entered = Claiming.entered

    def blind(
        self: Claiming[Any], attempts: Any, effect: Enter, verdict: Any, now_ms: int
    ) -> Iterator[Output]:
        return entered(self, attempts, effect, Passed() if isinstance(verdict, Taken) else verdict, now_ms)

    patch.setattr(Claiming, "entered", blind)


def the_new_owner_redials(patch: pytest.MonkeyPatch) -> None:
    """The claim is in Kafka; the new owner makes the call of every claim that it finds without an end."""
    _redial_what_is_gated(patch)
    resume = CallsProcessor._resume

    def all_free(
        self: CallsProcessor, state: State, now_ms: int, _: dict[str, GateEntry]
    ) -> Iterator[Output]:
        return resume(self, state, now_ms, {})

    patch.setattr(CallsProcessor, "_resume", all_free)


def ask_the_carrier_then_redial(patch: pytest.MonkeyPatch) -> None:
    """What the carrier's list does not show was not placed, so it is placed again."""
    _redial_what_is_gated(patch)
    asked = Following.asked

    def redial(self: Following, book: Book, effect: Any, found: Any, now_ms: int) -> Iterator[Output]:
        call = book.call(effect.state_key)
        if call is not None and call["phase"] == "UNKNOWN" and not found and not call["sids"]:
            call["phase"], call["wake_at"] = "WAITING", now_ms
            book.put(call)
            return
        yield from asked(self, book, effect, found, now_ms)

    patch.setattr(Following, "asked", redial)


def query_before_fence(patch: pytest.MonkeyPatch) -> None:
    """The new owner reads which gates are set, and raises the epoch after that."""
    answered, fenced = Door.answered, Door._fenced

    def fence(self: Door, state: State) -> list[Output]:
        keys = tuple(self._claims.live(state))
        return [Do(Fence(self.scope, 0, keys))]  # epoch 0 raises nothing: it only reads

    def first_the_query(self: Door, state: State, result: Result, now_ms: int) -> Any:
        effect = result.effect
        if isinstance(effect, Fence) and effect.epoch == 0 and isinstance(result.answer, dict):
            self.read_first = dict(result.answer)  # type: ignore[attr-defined]
            return [Do(replace(effect, epoch=self.epoch))]
        return answered(self, state, result, now_ms)

    def by_the_query(self: Door, state: State, effect: Fence, answer: Any, now_ms: int) -> Any:
        if isinstance(answer, dict):
            answer = self.read_first  # type: ignore[attr-defined]
        elif effect.epoch == 0:
            effect = replace(effect, epoch=self.epoch)
        return fenced(self, state, effect, answer, now_ms)

    init = Door.__init__

    def with_room(self: Door, *args: Any) -> None:
        init(self, *args)
        self.read_first = {}  # type: ignore[attr-defined]

    patch.setattr(Door, "__init__", with_room)
    patch.setattr(Door, "_fence", fence)
    patch.setattr(Door, "answered", first_the_query)
    patch.setattr(Door, "_fenced", by_the_query)


def _as_claimed(call: CallState) -> GateEntry:
    return GateEntry(str(key_of(call)), call["epoch"], gated=call["phase"] != "WAITING", finished=False)


def rebuild_of_the_living_with_old_epochs(patch: pytest.MonkeyPatch) -> None:
    """A server that has forgotten is filled with the tries that have no end, and the epochs that claimed them."""

    def living(_: CallsProcessor, state: State, *__: Any) -> Page:
        return Page(tuple(_as_claimed(call) for _, call in Book(state).live()), (), "")

    fence = MemoryGate.fence

    async def fence_what_is_filled(
        self: MemoryGate, scope: str, epoch: int, keys: Any
    ) -> dict[str, GateEntry]:
        # The real one raises the epoch of the scope before it is filled, which alone would refuse the zombie.
        return await fence(self, scope, epoch, keys) if await self.ready(scope) else {}

    patch.setattr(CallsProcessor, "_remembered", living)
    patch.setattr(MemoryGate, "fence", fence_what_is_filled)


def rebuild_without_gated_bits(patch: pytest.MonkeyPatch) -> None:
    """The gate is filled with epochs only. The owner that fills it knows what it holds; the next one asks the gate."""
    remembered = CallsProcessor._remembered

    def bare(self: CallsProcessor, state: State, after: str, limit: int) -> Page:
        page = remembered(self, state, after, limit)
        return replace(page, entries=tuple(replace(e, gated=False, finished=False) for e in page.entries))

    patch.setattr(CallsProcessor, "_remembered", bare)


def who_is_refused_says_not_sent(patch: pytest.MonkeyPatch) -> None:
    """An owner that finds the gate set by another says NOT_SENT: *it* has not sent it."""

    def not_sent(self: Following, book: Book, call: CallState, now_ms: int, reason: str) -> Iterator[Output]:
        book.absorb(call, "NOT_SENT")
        yield evidence(call, "NOT_SENT", now_ms, reason=reason)
        book.put(call)
        yield from self.settle(book, call, now_ms)

    patch.setattr(Following, "unknown", not_sent)


def one_end_is_enough(patch: pytest.MonkeyPatch) -> None:
    """A second sid's CANCELED ends K: the try is over as soon as any of its calls is."""

    def running(known: fold.Fold) -> list[str]:
        going = [sid for sid, state in known.sids.items() if state in ("PLACED", "RINGING")]
        return going if len(going) == len(known.sids) else []

    patch.setattr(fold, "running", running)


def a_fence_that_raises_nothing(patch: pytest.MonkeyPatch) -> None:
    """A new owner reads what stands in the gates, and goes on."""

    async def fence(self: MemoryGate, *asked: Any) -> dict[str, GateEntry]:
        keys = asked[-1]
        return {key: self.server.gates[key] for key in keys if key in self.server.gates}

    patch.setattr(MemoryGate, "fence", fence)


def a_timeout_is_not_sent(patch: pytest.MonkeyPatch) -> None:
    """A read timeout is taken for "did not work"."""
    honest = outcome.outcome

    def lost(result: PlaceResult | Stale) -> outcome.Outcome:
        return (
            outcome.Outcome("NOT_SENT", reason="timeout") if isinstance(result, Unknown) else honest(result)
        )

    for where in (claiming, outcome):  # in time, and after the partition was given up
        patch.setattr(where, "outcome", lost)


def a_gate_without_epochs(patch: pytest.MonkeyPatch) -> None:
    """The gate does not refuse an owner that is older than the last that fenced."""
    enter = MemoryGate.enter

    async def any_epoch(self: MemoryGate, scope: str, key: str, epoch: int, *rest: Any) -> Verdict:
        newest = max(self.server.scope(scope).epoch, self.server.gate(key).epoch)
        return await enter(self, scope, key, max(epoch, newest), *rest)

    patch.setattr(MemoryGate, "enter", any_epoch)


def words_before_answered_is_confirmed(patch: pytest.MonkeyPatch) -> None:
    """The words go out whether Kafka has confirmed ANSWERED or not."""

    def unconfirmed(picked: PickedUp, _: Any) -> Any:
        return replace(picked, at="words_again"), picked.give_words

    patch.setitem(answering._STEPS, "write", unconfirmed)


def the_gate_is_not_read_again(patch: pytest.MonkeyPatch) -> None:
    """ANSWERED is confirmed, so the words go out: the server may have been lost and filled in between."""

    def at_once(picked: PickedUp, confirmed: Any) -> Any:
        assert picked.say is not None
        return (picked, Words(picked.say)) if confirmed else answering._written(picked, confirmed)

    patch.setitem(answering._STEPS, "write", at_once)


def the_words_in_any_life(patch: pytest.MonkeyPatch) -> None:
    """The gate is read again, but the words are asked for in whatever life the server is in: an empty one too."""

    async def answer(self: MemoryGate, occurrence: str, sid: str, *_: Any) -> str:
        self._generation()
        return self.server.answers.setdefault(occurrence, sid)

    patch.setattr(MemoryGate, "answer", answer)


def words_for_whoever_picks_up(patch: pytest.MonkeyPatch) -> None:
    """Another call of the occurrence hears them too."""

    def anybody(picked: PickedUp, _: Any) -> Any:
        return answering._given(picked, picked.sid)

    def still(picked: PickedUp, _: Any) -> Any:
        return answering._given_again(picked, picked.sid)

    patch.setitem(answering._STEPS, "words", anybody)
    patch.setitem(answering._STEPS, "words_again", still)


@dataclass(frozen=True)
class Plant:
    """`table`: is it a row of the protocol's table?"""

    name: str
    plant: Patch
    found_as: str
    bounds: Bounds
    table: bool = False


def _within(faults: int, *watch: str, each: dict[str, int], **world: Any) -> Bounds:
    return Bounds("planted", faults, each, watch=frozenset(watch), max_states=300_000, **world)


_TAKEN = {"takeover": 1}
PLANTS = [
    Plant("call, then commit", call_then_commit, "I1",
          _within(1, "I1", each={"abort": 1, "takeover": 1}, effects_before_commit=True), True),
    Plant("Redis SETNX, durable", a_gate_that_is_taken_means_done, "I6", _within(1, "I6", each=_TAKEN), True),
    Plant("SETNX with TTL shorter than a pause", nothing, "I1",
          _within(3, "I1", each={"takeover": 1, "pause": 1, "request": 1}, gates_expire=True, tries=2), True),
    Plant("Kafka claim; new owner redials", the_new_owner_redials, "I1", _within(1, "I1", each=_TAKEN), True),
    Plant("Kafka claim; ask the carrier, redial", ask_the_carrier_then_redial, "I1",
          _within(1, "I1", each={"request": 1}), True),
    Plant("query before fence", query_before_fence, "I1",
          _within(1, "I1", each=_TAKEN, tries=2), True),
    Plant("redial, unbounded pauses (a policy)", nothing, "I1 of an occurrence",
          _within(1, "I1 of an occurrence", each={"request": 1}, redial=True, attempts=2), True),
    Plant("rebuild skips finished keys, keeps old epochs", rebuild_of_the_living_with_old_epochs, "I4",
          _within(2, "I4", each={"takeover": 1, "redis loss": 1}, attempts=2, picks_up=False), True),
    Plant("an owner refused at the gate writes NOT_SENT", who_is_refused_says_not_sent, "I1",
          _within(1, "I1", each=_TAKEN, tries=2), True),
    Plant("a second sid's CANCELED ends K", one_end_is_enough, "ONE_CALL",
          _within(2, "ONE_CALL", each={"doubled": 1, "request": 1}, attempts=2), True),
    Plant("rebuild without gated bits", rebuild_without_gated_bits, "NOT_SENT",
          _within(3, "NOT_SENT", each={"takeover": 2, "redis loss": 1}, picks_up=False)),
    Plant("a fence that raises nothing", a_fence_that_raises_nothing, "I4", _within(1, "I4", each=_TAKEN)),
    Plant("a read timeout is NOT_SENT", a_timeout_is_not_sent, "I1", _within(1, "I1", each={"request": 1}, tries=2)),
    Plant("a gate without epochs", a_gate_without_epochs, "I4", _within(1, "I4", each=_TAKEN)),
    Plant("words before ANSWERED is confirmed", words_before_answered_is_confirmed, "I8",
          _within(1, "I8", each={"gateway": 1})),
    Plant("the gate is not read again", the_gate_is_not_read_again, "I2",
          _within(2, "I2", each={"redis loss": 1, "takeover": 1}, two_calls=True, at_once=True)),
    Plant("the words are asked for in any life", the_words_in_any_life, "I2",
          _within(2, "I2", each={"redis loss": 1, "takeover": 1}, two_calls=True, at_once=True)),
    Plant("words for whoever picks up", words_for_whoever_picks_up, "I2",
          _within(0, "I2", each={}, two_calls=True, at_once=True)),
]  # fmt: skip


def search_with(plant: Plant) -> Explored:
    """The search that has to find it; the plant is gone when it returns."""
    with pytest.MonkeyPatch.context() as patch:
        plant.plant(patch)
        return Search(plant.bounds).run()
