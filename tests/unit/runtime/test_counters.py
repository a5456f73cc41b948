"""Counters in the state: added to by steps, written once a transaction, audited after a takeover."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from schemas.records import TallyState
from streams.runtime.audits import Audits
from streams.runtime.batch import Work
from streams.runtime.clock import ManualClock
from streams.runtime.dead_letters import DeadLetterLimit, DeadLetterRate, Source
from streams.runtime.processor import DictState, Event, Output, Poison, Result, Send, SetAside, State, Wake
from streams.runtime.store import Proof, Store
from streams.runtime.task import Task
from streams.runtime.telemetry import NoTelemetry
from streams.runtime.view import StateView
from streams.runtime.wire import Wire
from tests.unit.runtime.stores import EPOCH, epoch, open_store

NAME = "TallyState"
FIELDS = tuple(TallyState.__annotations__)
PROOF = Proof("cluster", "topic", 1, 1)


def _amounts(**amounts: int) -> dict[str, int]:
    return dict.fromkeys(FIELDS, 0) | amounts


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "0.lmdb")
    yield store
    store.close()


def test_what_was_added_adds_up_over_transactions(store: Store) -> None:
    """One change a transaction, whatever was added in it; the totals are told as they will stand."""
    one, more = _amounts(accepted=1, pending=1), _amounts(pending=-1, fired=1)
    for round_ in (1, 2):
        view = StateView(store)
        for _ in range(3):
            view.add("c", NAME, one)
        view.add("c", NAME, more)
        assert len(view.changes()) == 1
        assert view.totals == {"c": _amounts(accepted=3 * round_, pending=2 * round_, fired=round_)}
        store.write(view.changes(), PROOF)
        assert store.get("c") == view.totals["c"]


def test_the_dictionary_adds_up_as_well() -> None:
    """So that unit tests of processors see the same numbers."""
    state = DictState()
    state.add("c", NAME, _amounts(accepted=1))
    state.add("c", NAME, _amounts(accepted=1, dead=1))
    assert state.get("c") == _amounts(accepted=2, dead=1)


def test_a_failed_step_has_added_nothing(store: Store) -> None:
    """Additions are undone with the writes between them."""
    view = StateView(store)
    view.add("c", NAME, _amounts(accepted=1))
    mark = view.mark()
    view.put("a", EPOCH, epoch(1))
    view.add("c", NAME, _amounts(accepted=1))
    view.add("d", NAME, _amounts(accepted=1))
    view.undo_to(mark)
    assert [change.key for change in view.changes()] == ["c"]
    assert view.totals == {"c": _amounts(accepted=1)}


def test_adding_nothing_writes_nothing_and_tells_all(store: Store) -> None:
    """How a processor tells its counters when a partition is opened."""
    view = StateView(store)
    view.add("c", NAME, _amounts(accepted=5))
    store.write(view.changes(), PROOF)
    view = StateView(store)
    view.add("c", NAME, _amounts())
    assert view.changes() == []
    assert view.totals == {"c": _amounts(accepted=5)}


class Bad:
    """Fails at every timer, and counts those that were set aside; `fails_twice`: not even that works."""

    def __init__(self, fails_twice: bool) -> None:
        self._fails_twice = fails_twice

    def step(self, state: State, event: Event, now_ms: int) -> Sequence[Output]:  # noqa: ARG002
        if isinstance(event, SetAside):
            state.add("c", NAME, _amounts(dead=1))
        if isinstance(event, Wake) or self._fails_twice:
            raise Poison("bad", "as always")
        return ()

    def late(self, result: Result, now_ms: int) -> Sequence[Send]:  # noqa: ARG002
        return ()


@pytest.mark.parametrize("fails_twice", [False, True])
def test_a_timer_that_is_set_aside_is_counted_in_the_same_transaction(
    store: Store, fails_twice: bool
) -> None:
    """And if the count fails, the dead letter stands and the partition goes on."""
    before = StateView(store)
    before.put("a", EPOCH, epoch(1, wake_at=5))
    store.write(before.changes(), PROOF)
    task = Task(0, Bad(fails_twice), store, DeadLetterRate(DeadLetterLimit()))
    work = Work(task, StateView(store), Wire())
    (timer,) = store.timers(5)
    work.step(store.wake(timer), lambda: Source("x.changelog", 0, -1, 0, b"a", b""), ManualClock())
    work.seal()
    assert work.dead == len(work.sends) == 1
    store.write(work.changes, PROOF)
    assert store.get("a") == epoch(1)
    assert store.get("c") == (None if fails_twice else _amounts(dead=1))


class Auditor(NoTelemetry):
    def __init__(self) -> None:
        self.heard: list[list[str]] = []

    def audited(self, stage: str, partition: int, differences: Sequence[str]) -> None:  # noqa: ARG002
        self.heard.append(list(differences))


def test_an_audit_sees_the_store_as_it_was_when_it_began(store: Store) -> None:
    """A slice a turn; what is written between two slices belongs to the next audit."""

    def names(values: Any) -> Iterator[list[str] | None]:
        seen = []
        for key, _ in values:
            seen.append(key)
            yield None
        yield seen

    def put(*keys: str) -> None:
        view = StateView(store)
        for key in keys:
            view.put(key, EPOCH, epoch(1))
        store.write(view.changes(), PROOF)

    put("a", "c")
    task = Task(0, Bad(False), store, DeadLetterRate(DeadLetterLimit()))
    auditor = Auditor()
    audits = Audits("x", names, auditor)
    audits.begin(task)
    audits.advance([task])
    put("b", "d")
    for _ in range(5):
        assert not auditor.heard or task.audit is None
        audits.advance([task])
    assert auditor.heard == [["a", "c"]]


def test_an_audit_begins_again_when_the_file_has_grown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Growing ends the snapshot it reads; the store is none the worse for it."""
    monkeypatch.setattr("streams.runtime.store.FIRST_MAP_BYTES", 64 * 1024)
    store = open_store(tmp_path / "0.lmdb")

    def write(numbers: range) -> None:
        view = StateView(store)
        for number in numbers:
            view.put(f"k{number:04}", EPOCH, epoch(1))
        store.write(view.changes(), PROOF)

    def count(values: Any) -> Iterator[list[str] | None]:
        for _ in values:
            yield None
        yield []

    write(range(10))
    task = Task(0, Bad(False), store, DeadLetterRate(DeadLetterLimit()))
    auditor = Auditor()
    audits = Audits("x", count, auditor)
    audits.begin(task)
    audits.advance([task])
    size = (tmp_path / "0.lmdb").stat().st_size
    write(range(10, 2_000))
    assert (tmp_path / "0.lmdb").stat().st_size > size
    slices = 0
    while task.audit is not None:
        audits.advance([task])
        slices += 1
    assert auditor.heard == [[]]
    assert slices == 1 + 2_000 + 1  # the broken one, and all values anew
    assert store.count() == 2_000
    store.close()
