"""The note beside the offsets says what the store will say once the transaction is stored."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from streams.runtime.batch import Work
from streams.runtime.clock import ManualClock
from streams.runtime.dead_letters import DeadLetterLimit, DeadLetterRate, Source
from streams.runtime.intake import Intake
from streams.runtime.note import Note
from streams.runtime.partitions import Partitions
from streams.runtime.processor import Event, Opened, Output, Result, Send, State, Wake
from streams.runtime.store import Proof, Store
from streams.runtime.task import Task
from streams.runtime.wire import Wire
from streams.topology import REMINDERS
from tests.unit.runtime.stores import EPOCH, epoch, open_store

PROOF = Proof("cluster", "topic", 1, 1)
NAME = "TallyState"
NONE = dict.fromkeys(("accepted", "pending", "fired", "cancelled", "expired", "dead", "open"), 0)


class Wakes:
    """What it does with a timer hangs on its number: the step raises, moves it, or deletes it, and then counts it."""

    def outlook(self) -> object:
        return None

    def step(self, state: State, event: Event, now_ms: int) -> Sequence[Output]:
        if isinstance(event, Opened):
            for key, _ in state.scan("c|"):
                state.add(key, NAME, NONE)
        elif isinstance(event, Wake):
            kind = event.value["epoch"] % 4
            if kind == 0:
                raise ValueError("on request")
            if kind == 1:
                state.put(event.key, EPOCH, epoch(event.value["epoch"], now_ms + 7))
            else:
                state.delete(event.key)
                state.add(f"c|{kind}", NAME, NONE | {"pending": -1})
        return ()

    def late(self, result: Result, now_ms: int) -> Sequence[Send]:  # noqa: ARG002
        return ()


def task_on(store: Store) -> Task:
    return Task(0, Wakes(), store, DeadLetterRate(DeadLetterLimit()), positions={"a": 3, "b": 5})


def intake_of(task: Task, clock: ManualClock, max_wakes: int) -> Intake:
    return Intake(
        REMINDERS,
        cast(Partitions, [task]),
        Wire(),
        clock,
        max_wakes=max_wakes,
        hold=lambda *_: None,
        keep=lambda _: None,
    )


def note_of(work: Work) -> Note:
    """From the offsets as they are committed: each topic's carries the same."""
    work.seal()
    places = work.offsets()
    assert {place.topic: place.offset for place in places} == {"a": 3, "b": 5}
    [text] = {place.metadata for place in places}
    note = Note.read(text or "")
    assert note is not None
    return note


@pytest.mark.parametrize("seed", range(40))
def test_the_note_is_what_the_store_says_afterwards(tmp_path: Path, seed: int) -> None:
    """Records set, move and delete timers; of those that are due some or all fire, rehearsed or not, and move, go, or
    become dead letters: always the earliest timer and the sum that the store has once it is written."""
    chance = random.Random(seed)
    clock = ManualClock(1_000)
    store = open_store(tmp_path / "0.lmdb")
    task = task_on(store)
    task.restored = task.opened = True
    pending = fired = 0
    for _ in range(40):
        intake = intake_of(task, clock, chance.choice([1, 2, 100]))
        work = intake._work(task)
        assert work.view is not None
        for _ in range(chance.randint(0, 6)):
            key = f"k{chance.randint(0, 30)}"
            if chance.random() < 0.25:
                work.view.delete(key)
            else:
                due_at = clock.now_ms() + chance.randint(-20, 60)
                work.view.put(key, EPOCH, epoch(chance.randint(0, 99), due_at))
                work.view.add("c|records", NAME, NONE | {"pending": 1})
        if chance.random() < 0.8 and store.next_wake_ms() is not None:
            intake._wake(work, clock.now_ms(), chance.choice([1, 2, 100]))
            fired += work.wakes
        note = note_of(work)
        store.write(work.changes, PROOF)
        task.pending = work.pending
        task.remember(work.view.totals)
        task.next_wake_ms = store.next_wake_ms()
        if task.rehearsal is not None:
            task.rehearsal.note(work.changes)
        pending = sum(value["pending"] for key, value in store.items() if key.startswith("c|"))
        assert (note.next_wake_at, note.pending) == (store.next_wake_ms(), pending)
        while chance.random() < 0.5 and intake.rehearse():
            pass
        clock.advance(chance.randint(0, 15) / 1000)
    assert fired > 20
    taking_over = intake_of(task_on(store), clock, 1)._new(task_on(store))
    taking_over.step(Opened(0), lambda: Source("x", 0, -1, 0, None, None), clock)
    taking_over.seal()
    assert taking_over.pending == pending, "who takes over counts from what is there"
    store.close()


def test_a_stage_without_state_leaves_none(tmp_path: Path) -> None:
    """It has no timers; its offsets are committed all the same."""
    store = open_store(tmp_path / "0.lmdb")
    task = task_on(store)
    task.close()
    offsets = Work(task, None, Wire()).offsets()
    assert [(place.topic, place.offset) for place in offsets] == [("a", 3), ("b", 5)]
    assert not any(place.metadata for place in offsets)


@pytest.mark.parametrize(
    "text", ["", "free text", "[]", "{}", '{"next_wake_at": "soon", "pending": 1}', "null", "7"]
)
def test_other_metadata_is_no_note(text: str) -> None:
    """Consumers of other programs commit what they like beside their offsets."""
    assert Note.read(text) is None


def test_a_note_comes_back_as_it_was() -> None:
    """With and without a timer."""
    for note in (Note(None, 0), Note(1_790_000_000_000, 12)):
        assert Note.read(note.text()) == note
