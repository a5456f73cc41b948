"""Timers that were worked out before they were due: what is played is what the step would have put out then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from streams.runtime import rehearsal
from streams.runtime.batch import Work
from streams.runtime.clock import ManualClock
from streams.runtime.dead_letters import DeadLetterLimit, DeadLetterRate
from streams.runtime.errors import StoreFailed
from streams.runtime.intake import Intake
from streams.runtime.partitions import Partitions
from streams.runtime.processor import Do, Event, Output, Result, Send, State, Wake
from streams.runtime.rehearsal import PUNCTUAL_MS, WINDOW_MS
from streams.runtime.store import Change, Proof, Store, Timer
from streams.runtime.task import Task
from streams.runtime.wire import Wire
from streams.topology import REMINDERS
from tests.unit.runtime.stores import EPOCH, epoch, open_store

OUT = "out"
LATER_MS = 86_400_000
MOVES = {"accepted": 1, "pending": 0, "fired": 0, "cancelled": 0, "expired": 0, "dead": 0, "open": 1}


class Echo:
    """Puts out the time of its step and what stands in `other`; counts its steps."""

    def __init__(self) -> None:
        self.steps = 0
        self.table = 1

    def outlook(self) -> int:
        return self.table

    def step(self, state: State, event: Event, now_ms: int) -> Sequence[Output]:
        self.steps += 1
        assert isinstance(event, Wake)
        if event.key == "breaks":
            raise ValueError("a bug")
        other = state.get("other") or epoch(0)
        if event.key == "scans":
            other = dict(state.scan("other"))["other"]
        state.put(event.key, EPOCH, epoch(event.value["epoch"] + 1, now_ms + LATER_MS))
        state.add("c", "TallyState", MOVES)
        if event.key == "asks":
            return [Do("call")]
        return [Send(OUT, event.key, EPOCH, epoch(other["epoch"] + 100 * self.table, now_ms))]

    def late(self, result: Result, now_ms: int) -> Sequence[Send]:  # noqa: ARG002
        return ()


class Stage:
    """One partition, its intake and its clock; `turn` takes what is due and commits it."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.echo = Echo()
        self.store: Store = open_store(folder / "0.lmdb")
        self.task = Task(0, self.echo, self.store, DeadLetterRate(DeadLetterLimit()))
        self.task.restored = self.task.opened = True
        self.wire = Wire()
        self.intake = Intake(
            REMINDERS,
            cast(Partitions, [self.task]),
            self.wire,
            self.clock,
            max_wakes=1_000,
            hold=lambda *_: None,
            keep=lambda _: None,
        )

    def write(self, **values: dict[str, Any]) -> None:
        changes = [
            Change(key, self.wire.encode("x.changelog", EPOCH, value), value["wake_at"])
            for key, value in values.items()
        ]
        self._commit(changes)

    def _commit(self, changes: Sequence[Change]) -> None:
        self.store.write(changes, Proof("cluster", "topic", 1, 1))
        self.task.next_wake_ms = self.store.next_wake_ms()
        assert self.task.rehearsal is not None
        self.task.rehearsal.note(changes)

    def rehearse(self) -> int:
        """How many steps it took."""
        before = self.echo.steps
        while self.intake.rehearse():
            pass
        return self.echo.steps - before

    def turn(self) -> tuple[list[tuple[str, dict[str, Any]]], int]:
        """What was put out, by key, and how many steps were taken for it."""
        before = self.echo.steps
        sent = []
        for work in self.intake.collect([], []):
            work.seal()
            sent += self._sent(work)
            self._commit(work.changes)
        return sent, self.echo.steps - before

    def _sent(self, work: Work) -> list[tuple[str, dict[str, Any]]]:
        return [
            ((send.key or b"").decode(), self.wire.decode(send.topic, send.value, None, 0)[1])
            for send in work.sends
        ]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.store.close()


def test_what_is_played_is_what_the_step_puts_out(tmp_path: Path) -> None:
    """The same records, the same state, the same counters; and when it is due no step is taken."""
    results = []
    for rehearsed in (False, True):
        folder = tmp_path / str(rehearsed)
        folder.mkdir()
        stage = Stage(folder)
        due_at = stage.clock.now_ms() + 4_000
        stage.write(other=epoch(7), **{f"k{n}": epoch(n, due_at + n % 3) for n in range(50)})
        assert not rehearsed or stage.rehearse() == 50
        stage.clock.advance(4.003)
        sent, steps = stage.turn()
        assert steps == (0 if rehearsed else 50)
        results.append((sent, list(stage.store.items())))
        stage.store.close()
    assert len(results[0][0]) == 50
    assert results[0] == results[1]


def _moved(stage: Stage, due_at: int) -> None:
    stage.write(k=epoch(5, due_at))


def _other(stage: Stage, _: int) -> None:
    stage.write(other=epoch(9))


def _table(stage: Stage, _: int) -> None:
    stage.echo.table = 2


def _late(stage: Stage, _: int) -> None:
    stage.clock.advance(PUNCTUAL_MS / 1000 + 0.001)


@pytest.mark.parametrize("change", [_moved, _other, _table, _late])
def test_a_rehearsal_that_no_longer_holds_is_not_played(stage: Stage, change: Any) -> None:
    """Whatever the step depends on: its record, another record that it read, a table, the time."""
    due_at = stage.clock.now_ms() + 1_000
    stage.write(k=epoch(1, due_at), other=epoch(7))
    assert stage.rehearse() == 1
    stage.clock.advance(1)
    change(stage, due_at)
    ((_, said),), steps = stage.turn()
    assert steps == 1
    late = change is _late
    table, other = (2 if change is _table else 1), (9 if change is _other else 7)
    assert said == epoch(100 * table + other, due_at + late * (PUNCTUAL_MS + 1))
    assert stage.store.get("k") == epoch(6 if change is _moved else 2, said["wake_at"] + LATER_MS)


@pytest.mark.parametrize(
    ("key", "sends", "effects", "dead"), [("scans", 1, 0, 0), ("asks", 0, 1, 0), ("breaks", 1, 0, 1)]
)
def test_what_cannot_be_rehearsed_is_stepped_when_it_is_due(
    stage: Stage, key: str, sends: int, effects: int, dead: int
) -> None:
    """A step that scans, asks for an effect, or fails; a failure is told once."""
    stage.write(**{key: epoch(1, stage.clock.now_ms() + 1_000)}, other=epoch(7))
    stage.rehearse()
    stage.clock.advance(1)
    (work,) = stage.intake.collect([], [])
    assert (len(work.sends), len(work.effects), work.dead) == (sends, effects, dead)


def test_only_the_coming_window_is_rehearsed_and_it_moves_on(stage: Stage) -> None:
    """Also what is set within it afterwards."""
    now_ms = stage.clock.now_ms()
    stage.write(soon=epoch(1, now_ms + 1_000), later=epoch(1, now_ms + WINDOW_MS + 1_000))
    assert stage.rehearse() == 1
    stage.write(sooner=epoch(1, now_ms + 500))
    assert stage.rehearse() == 1
    stage.clock.advance(1)
    assert stage.turn()[1] == 0
    stage.clock.advance(1)
    assert stage.rehearse() == 1
    assert stage.rehearse() == 0


def test_memory_is_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound timers take their steps when they are due; what was called off makes room again."""
    monkeypatch.setattr("streams.runtime.intake.MOST_ACTS", 40)
    assert rehearsal.MOST_ACTS > 40
    now_ms = stage.clock.now_ms()
    stage.write(**{f"k{n:03}": epoch(n, now_ms + 1_000) for n in range(100)})
    assert stage.task.rehearsal is not None
    assert stage.rehearse() == len(stage.task.rehearsal.acts) == 40
    stage.clock.advance(1)
    sent, steps = stage.turn()
    assert (len(sent), steps) == (100, 60)
    stage.write(**{f"k{n:03}": epoch(n, now_ms + 3_000) for n in range(100)})
    stage.rehearse()
    stage.write(**{f"k{n:03}": epoch(n, now_ms + 9_000) for n in range(100)})
    stage.clock.advance(5)
    assert stage.rehearse() == 40


def test_a_store_that_cannot_be_read_ahead_ends_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be in the middle of a commit; whoever needs the timers is told."""
    stage.write(k=epoch(1, stage.clock.now_ms() + 1_000), other=epoch(7))

    def fails(until_ms: int, after: Timer | None = None) -> Iterator[Timer]:
        raise StoreFailed(f"{until_ms} {after}")

    with monkeypatch.context() as broken:
        broken.setattr(stage.store, "timers", fails)
        assert stage.rehearse() == 0
        stage.clock.advance(1)
        with pytest.raises(StoreFailed):
            stage.turn()
    assert stage.turn()[1] == 1
