"""The local store is a copy. When it cannot be trusted it is thrown away, and the changelog brings all of it back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest

from streams.runtime.replay import STORE_MAX_AGE_MS
from tests.integration.loop.line import Line

pytestmark = pytest.mark.integration


def _delete(path: Path) -> None:
    path.unlink()


def _scribble(path: Path) -> None:
    path.write_bytes(b"not a database, although it is of the right length" * 400)


def _tear(path: Path) -> None:
    """Valid first pages, garbage behind them: LMDB notices only when it reads there."""
    raw = path.read_bytes()
    path.write_bytes(raw[:8192] + b"\xff" * (len(raw) - 8192))


def _meta(path: Path, name: bytes, value: Callable[[bytes], object]) -> None:
    """Rewrite a claim of the store, and make its values wrong on purpose: they must not be believed."""
    with lmdb.open(str(path), subdir=False, max_dbs=3) as db, db.begin(write=True) as txn:
        meta, values = db.open_db(b"meta", txn=txn), db.open_db(b"values", txn=txn)
        txn.put(name, str(value(txn.get(name, db=meta) or b"")).encode(), db=meta)
        for key in list(txn.cursor(db=values).iternext(values=False)):
            txn.put(key, b"wrong" * 10, db=values)


DAMAGE: dict[str, Callable[[Path], None]] = {
    "deleted": _delete,
    "scribbled": _scribble,
    "torn": _tear,
    "too old": lambda path: _meta(path, b"current_at", lambda at: int(at) - STORE_MAX_AGE_MS - 1),
    "of another topic": lambda path: _meta(path, b"topic_id", lambda _: "another"),
    "of another cluster": lambda path: _meta(path, b"cluster_id", lambda _: "another"),
    "ahead of the log": lambda path: _meta(path, b"changelog_offset", lambda _: 10_000),
    "never complete": lambda path: _meta(path, b"current_at", lambda _: 0),
}


def test_a_store_that_cannot_be_trusted_is_restored(line: Line) -> None:
    """Whatever was done to the file, counting goes on from the right number. A torn page shows only when it is
    read, and then ends the member, which is started anew as `ringback run` does."""
    line.count(20)
    running = line.start()
    line.check_exactly_once()
    running.stop()
    sent, left = 20, list(DAMAGE.items())
    while left:
        for number in range(line.partitions):
            what, damage = left.pop()
            path = line.folder / "a" / line.name / f"{number}.lmdb"
            assert path.exists(), what
            damage(path)
        line.count(20, start=sent)
        sent += 20
        running = line.run(line.loop(max_batch=5), again=lambda: line.loop(max_batch=5))
        line.check_exactly_once()
        running.stop()


def test_a_store_that_is_behind_is_carried_on_from_where_it_was(line: Line) -> None:
    """The copy of an earlier moment is brought up by the changelog's tail alone."""
    line.count(20)
    running = line.start()
    line.check_exactly_once()
    running.stop()
    folder = line.folder / "a" / line.name
    shutil.copytree(folder, line.folder / "earlier")
    line.count(20, start=20)
    running = line.start()
    line.check_exactly_once()
    running.stop()
    shutil.rmtree(folder)
    shutil.copytree(line.folder / "earlier", folder)
    line.count(20, start=40)
    line.start()
    line.check_exactly_once()


def test_deleted_keys_do_not_come_back(line: Line) -> None:
    """Tombstones are replayed: a timer that has fired is not in a restored store."""
    from streams.runtime.clock import SystemClock
    from tests.integration.loop.counting import event
    from tests.integration.loop.line import seen

    running = line.start()
    line.produce(event("WAKE", "u", "w", due_at=SystemClock().now_ms()))
    line.await_outputs(1)
    running.stop()
    shutil.rmtree(line.folder / "a")
    line.count(1)
    line.start()
    line.check_exactly_once()
    assert seen(line.outputs(), "WOKEN") == ["w"]
