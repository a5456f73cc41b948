"""The local store of one partition: SQLite, ordered by key and by wake time. Behind Kafka or equal, never ahead.

A file holds two tables:

    kv(key, value, wake_at)   value: Avro single-object bytes; wake_at: epoch ms of a timer, or null
    meta(name, value)         changelog_offset: the next changelog offset to replay
                              topic_id, cluster_id: which log this is a copy of
                              current_at: epoch ms at which the store was last known to be complete; 0: never

State and changelog offset are written in one local transaction, after the Kafka transaction has committed. A
crash between the two leaves the store behind, and the changelog's tail brings it up again. A file that fails is
removed when it is closed: the changelog brings all of it back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from streams.runtime.dead_letters import MAX_RECORD_BYTES
from streams.runtime.errors import StoreFailed
from streams.runtime.processor import Poison, Value, Wake

Encode = Callable[[str, Value], bytes]
Decode = Callable[[bytes], tuple[str, dict[str, Any]]]  # Avro name, value


@dataclass(frozen=True, slots=True)
class Proof:
    """Which log the store copies, how far, and when it was last complete (epoch ms)."""

    cluster_id: str
    topic_id: str
    changelog_offset: int
    current_at: int


class Change(NamedTuple):
    """One changelog record: the encoded value, None for a tombstone, and the timer in it (epoch ms)."""

    key: str
    value: bytes | None
    wake_at: int | None


class Store:
    """One partition's keyed state on local disk. Not thread-safe: it belongs to its loop.

    Every method raises StoreFailed when the file cannot be read or written, and Hold when a value was written by
    a schema that this release does not know.
    """

    def __init__(self, path: Path, encode: Encode, decode: Decode) -> None:
        self._path = path
        self._failed = False
        self.encode = encode
        self._decode = decode
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._db = self._open()
            except sqlite3.DatabaseError:
                # Not a database: Kafka holds the truth.
                _remove(path)
                self._db = self._open()
        except (sqlite3.Error, OSError) as error:
            raise StoreFailed(f"{path}: {error}") from error

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            # WAL + NORMAL: a power cut may lose the last writes but never tears the file, and behind is allowed.
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute(
                "CREATE TABLE IF NOT EXISTS kv(key TEXT PRIMARY KEY, value BLOB, wake_at INT) WITHOUT ROWID"
            )
            db.execute("CREATE INDEX IF NOT EXISTS wakes ON kv(wake_at) WHERE wake_at IS NOT NULL")
            db.execute("CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID")
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

    def _rows(self, query: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> StoreFailed:
        self._failed = True
        return StoreFailed(f"{self._path}: {error}")

    def decode(self, value: bytes) -> tuple[str, dict[str, Any]]:
        """The Avro name and the value of what was stored. What does not decode was torn: we have written it."""
        try:
            return self._decode(value)
        except Poison as poison:
            raise self._failure(poison) from poison

    def proof(self) -> Proof | None:
        """What the store claims to be; None when it is new."""
        meta = dict(self._rows("SELECT name, value FROM meta"))
        try:
            return Proof(meta["cluster_id"], meta["topic_id"], meta["changelog_offset"], meta["current_at"])
        except KeyError:
            return None

    def wipe(self) -> None:
        """Begin again with an empty store."""
        self._db.close()
        _remove(self._path)
        self._db = self._open()

    def get(self, key: str) -> dict[str, Any] | None:
        found = self.raw(key)
        return self.decode(found)[1] if found is not None else None

    def raw(self, key: str) -> bytes | None:
        """The bytes of a value."""
        rows = self._rows("SELECT value FROM kv WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def scan(self, prefix: str) -> list[tuple[str, bytes]]:
        """All keys that start with `prefix`, in order, and the bytes of their values."""
        # U+10FFFF sorts behind every character that a key may hold.
        query = "SELECT key, value FROM kv WHERE key >= ? AND key < ? ORDER BY key"
        return [(key, value) for key, value in self._rows(query, (prefix, prefix + "\U0010ffff"))]

    def due(self, now_ms: int, limit: int) -> list[Wake]:
        """At most `limit` timers whose time has come, earliest first."""
        query = "SELECT key, value FROM kv WHERE wake_at <= ? ORDER BY wake_at, key LIMIT ?"
        return [Wake(key, self.decode(value)[1]) for key, value in self._rows(query, (now_ms, limit))]

    def next_wake_ms(self) -> int | None:
        """The earliest timer, epoch ms."""
        found: int | None = self._rows("SELECT min(wake_at) FROM kv WHERE wake_at IS NOT NULL")[0][0]
        return found

    def count(self) -> int:
        """Number of keys."""
        return int(self._rows("SELECT count(*) FROM kv")[0][0])

    def replayed(self, key: str, value: bytes | None) -> Change:
        """A changelog record that was read back."""
        return Change(key, value, self.decode(value)[1].get("wake_at") if value is not None else None)

    def write(self, changes: Iterable[Change], proof: Proof) -> None:
        """Apply changelog records and the offset behind them in one local transaction."""
        try:
            self._db.execute("BEGIN")
            for change in changes:
                if change.value is None:
                    self._db.execute("DELETE FROM kv WHERE key = ?", (change.key,))
                else:
                    self._db.execute("INSERT OR REPLACE INTO kv VALUES (?, ?, ?)", change)
            self._db.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                [
                    ("cluster_id", proof.cluster_id),
                    ("topic_id", proof.topic_id),
                    ("changelog_offset", proof.changelog_offset),
                    ("current_at", proof.current_at),
                ],
            )
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def close(self) -> None:
        self._db.close()
        if self._failed:
            _remove(self._path)


class StateView:
    """`State` over a store for the length of one Kafka transaction; passes `tests/behaviour/state`.

    Writes stay here, encoded, until the transaction has committed; `undo_to` takes back what a failed step wrote.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: dict[str, Change] = {}
        self._journal: list[tuple[str, Change | None]] = []

    def raw(self, key: str) -> bytes | None:
        """The encoded value of `key` as this transaction sees it."""
        pending = self._pending.get(key)
        return pending.value if pending else self._store.raw(key)

    def pending(self, key: str) -> Change | None:
        """What this transaction has written to `key`."""
        return self._pending.get(key)

    def get(self, key: str) -> dict[str, Any] | None:
        found = self.raw(key)
        return self._store.decode(found)[1] if found is not None else None

    def put(self, key: str, name: str, value: Value) -> None:
        encoded = self._store.encode(name, value)
        if len(key) * 4 + len(encoded) > MAX_RECORD_BYTES:
            raise Poison("too_large", f"a {name} of {len(encoded)} bytes is more than the changelog takes")
        self._write(Change(key, encoded, value.get("wake_at")))

    def delete(self, key: str) -> None:
        if self.raw(key) is not None:
            self._write(Change(key, None, None))

    def _write(self, change: Change) -> None:
        self._journal.append((change.key, self._pending.get(change.key)))
        self._pending[change.key] = change

    def scan(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        merged: dict[str, bytes | None] = dict(self._store.scan(prefix))
        merged.update((key, change.value) for key, change in self._pending.items() if key.startswith(prefix))
        for key in sorted(merged):
            value = merged[key]
            if value is not None:
                yield key, self._store.decode(value)[1]

    def mark(self) -> int:
        """A point that `undo_to` can come back to."""
        return len(self._journal)

    def undo_to(self, mark: int) -> None:
        while len(self._journal) > mark:
            key, before = self._journal.pop()
            if before:
                self._pending[key] = before
            else:
                del self._pending[key]

    def changes(self) -> list[Change]:
        """What the changelog must carry: the last value of each key written."""
        return list(self._pending.values())


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
