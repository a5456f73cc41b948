"""The view that a transaction has of a store, and the store's own promises; no Kafka."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from schemas import codec
from streams.runtime.errors import StoreFailed
from streams.runtime.processor import Poison
from streams.runtime.store import FIRST_MAP_BYTES, Change, Proof, Timer
from streams.runtime.trust import Trust, boot_id
from streams.runtime.view import StateView
from tests.unit.runtime.stores import EPOCH, WRITTEN, epoch, open_store

PROOF = Proof("cluster", "topic", 7, 1_000)


def test_undo_takes_back_what_came_after_the_mark(tmp_path: Path) -> None:
    """Puts, overwrites and deletes after the mark are gone; what was before it stays, pending or stored."""
    store = open_store(tmp_path / "0.lmdb")
    before = StateView(store)
    before.put("stored", EPOCH, epoch(1))
    store.write(before.changes(), PROOF)
    view = StateView(store)
    view.put("pending", EPOCH, epoch(2))
    mark = view.mark()
    view.put("pending", EPOCH, epoch(3))
    view.put("new", EPOCH, epoch(4))
    view.delete("stored")
    view.undo_to(mark)
    assert [(key, value["epoch"]) for key, value in view.scan("")] == [("pending", 2), ("stored", 1)]
    assert [change.key for change in view.changes()] == ["pending"]
    store.close()


def test_a_key_that_comes_and_goes_in_one_transaction_leaves_a_tombstone(tmp_path: Path) -> None:
    """The changelog carries the last word for each key that was touched, once."""
    store = open_store(tmp_path / "0.lmdb")
    view = StateView(store)
    view.put("a", EPOCH, epoch(1))
    view.delete("a")
    view.put("b", EPOCH, epoch(1))
    view.put("b", EPOCH, epoch(2, 50))
    changes = {change.key: (change.value is None, change.wake_at) for change in view.changes()}
    assert changes == {"a": (True, None), "b": (False, 50)}
    store.close()


def test_a_value_too_large_for_the_changelog_is_poison(tmp_path: Path) -> None:
    """It is refused in the step, where it can become a dead letter, and not by the broker."""
    store = open_store(tmp_path / "0.lmdb")
    with pytest.raises(Poison, match="too_large"):
        StateView(store).put("k" * 1_000_000, EPOCH, epoch(1))
    store.close()


def test_timers_are_due_in_order_and_within_the_limit(tmp_path: Path) -> None:
    """Earliest first, none before its time."""
    store = open_store(tmp_path / "0.lmdb")
    view = StateView(store)
    for key, wake_at in (("c", 10), ("a", 20), ("b", 10), ("d", 30), ("e", None)):
        view.put(key, EPOCH, epoch(0, wake_at))
    store.write(view.changes(), PROOF)
    due = [wake.key for wake in store.timers(20)]
    assert (sorted(due[:2]), due[2:]) == (["b", "c"], ["a"])
    assert [wake.key for wake in islice(store.timers(29), 2)] == due[:2]
    assert list(store.timers(9)) == []
    assert store.next_wake_ms() == 10
    store.close()


def test_timers_of_one_millisecond_come_in_no_tenants_order(tmp_path: Path) -> None:
    """A burst at the full hour: whatever part of it is taken first holds its share of every tenant's."""
    store = open_store(tmp_path / "0.lmdb")
    keys = [f"r|tenant{tenant}|+1555{user:07}|x" for tenant in range(4) for user in range(500)]
    store.write([Change(key, codec.encode(EPOCH, epoch(0, 10)), 10) for key in keys], PROOF)
    first = Counter(wake.key.split("|")[1] for wake in islice(store.timers(10), 200))
    assert sum(first.values()) == 200
    assert all(30 <= number <= 75 for number in first.values()), first
    store.close()


def test_what_was_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    """Values and proof come back; a new file has no proof."""
    path = tmp_path / "0.lmdb"
    store = open_store(path)
    assert store.proof() is None
    view = StateView(store)
    view.put("a", EPOCH, epoch(1))
    store.write(view.changes(), PROOF)
    store.close()
    store = open_store(path)
    assert (store.get("a"), store.proof(), store.count()) == (epoch(1), PROOF, 1)
    store.wipe()
    assert (store.get("a"), store.proof(), store.count()) == (None, None, 0)
    store.close()


def test_a_torn_value_fails_the_store_and_removes_the_file(tmp_path: Path) -> None:
    """It is no dead letter of the record that met it: the changelog brings the state back."""
    path = tmp_path / "0.lmdb"
    store = open_store(path)
    store.write([Change("a", b"\xc3\x01torn", None)], PROOF)
    with pytest.raises(StoreFailed):
        store.get("a")
    store.close()
    assert not path.exists()


def test_a_folder_that_cannot_be_made_is_a_failed_store(tmp_path: Path) -> None:
    """A clear LoopError, which names the path."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreFailed, match="file"):
        open_store(tmp_path / "file" / "0.lmdb")


def test_damage_is_noticed_and_never_believed(tmp_path: Path) -> None:
    """Bits flipped anywhere in the file: what is read is what was written, or the store fails and is removed, or, at
    worst, the reader dies (trust.py says what follows)."""
    path = tmp_path / "sound.lmdb"
    store = open_store(path)
    view = StateView(store)
    for key, value in WRITTEN.items():
        view.put(key, EPOCH, value)
    store.write(view.changes(), PROOF)
    store.close()
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    left, outcomes = [str(seed + n) for n in range(60)], []
    while left:
        command = [sys.executable, "-m", "tests.unit.runtime.damaged", str(path), *left]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        read = done.stdout.splitlines()
        outcomes += [line.split()[1] for line in read]
        if len(read) < len(left):
            assert -done.returncode in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT), done.stderr
            outcomes.append("died")
        left = left[len(read) + 1 :]
    assert "BELIEVED" not in outcomes
    assert outcomes.count("failed") > 30
    assert outcomes.count("died") < 10


def test_a_store_that_was_open_when_the_machine_went_down_is_not_opened(tmp_path: Path) -> None:
    """Without fsync a dead kernel may leave it torn; a dead process may not, so its store is carried on."""
    path = tmp_path / "0.lmdb"
    guard = tmp_path / "0.lmdb-open"
    store = open_store(path)
    view = StateView(store)
    view.put("a", EPOCH, epoch(1))
    store.write(view.changes(), PROOF)
    assert guard.read_text() == f"{boot_id()} 0"
    store.close()
    store = open_store(path)
    assert store.get("a") == epoch(1)
    store.close(sync=True)
    assert not guard.exists()

    guard.write_text("another-boot 0")
    store = open_store(path)
    assert store.proof() is None
    store.close()


def test_a_store_that_kills_its_readers_is_given_up(tmp_path: Path) -> None:
    """Opened again and again within seconds and never closed: the fifth time it is removed."""
    trust = Trust(tmp_path / "0.lmdb")
    assert [bool(trust.take()) for _ in range(7)] == [False] * 5 + [True, False]


def test_a_store_grows_beyond_its_first_map(tmp_path: Path) -> None:
    """In the middle of a batch: the batch is written whole, and what was there before it stays."""
    path = tmp_path / "0.lmdb"
    store = open_store(path)
    store.write([Change("small", b"x", None)], PROOF)
    store.write([Change(f"k{n}", bytes(1_000), n) for n in range(3 * FIRST_MAP_BYTES // 1_000)], PROOF)
    store.close()
    assert path.stat().st_size > 2 * FIRST_MAP_BYTES
    store = open_store(path)
    assert (store.raw("small"), store.raw("k9"), store.next_wake_ms()) == (b"x", bytes(1_000), 0)
    store.close()


def test_of_a_key_that_is_written_twice_the_last_counts(tmp_path: Path) -> None:
    """A replay may hold several records of one key: no timer of an earlier one stays behind."""
    store = open_store(tmp_path / "0.lmdb")
    encoded = {wake: store.encode(EPOCH, epoch(1, wake)) for wake in (10, 20)}
    proof = Proof("cluster", "topic", 1, 1)
    store.write(
        [Change("a", encoded[10], 10), Change("b", encoded[10], 10), Change("a", encoded[20], 20)], proof
    )
    assert list(store.timers(100)) == [Timer(10, "b"), Timer(20, "a")]
    store.write([Change("b", encoded[20], 20), Change("b", None, None)], proof)
    assert list(store.timers(100)) == [Timer(20, "a")]
    assert store.count() == 1
    store.close()
