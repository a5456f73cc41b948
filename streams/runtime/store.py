"""The local store of one partition: SQLite, ordered by key and by wake time. Behind Kafka or equal, never ahead.

A file holds two tables:

    kv(key, value, wake_at)   value: Avro single-object bytes; wake_at: epoch ms of a timer, or null
    meta(name, value)         changelog_offset: the next changelog offset to replay
                              topic_id, cluster_id: which log this is a copy of
                              current_at: epoch ms at which the store was last known to be complete

State and changelog offset are written in one local transaction, after the Kafka transaction has committed. A
crash between the two leaves the store behind, and the changelog's tail brings it up again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.runtime.processor import Value, Wake

Encode = Callable[[str, Value], bytes]
Decode = Callable[[bytes], tuple[str, dict[str, Any]]]  # Avro name, value


@dataclass(frozen=True, slots=True)
class Proof:
    """Which log the store copies, how far, and when it was last complete (epoch ms)."""

    cluster_id: str
    topic_id: str
    changelog_offset: int
    current_at: int


class Store:
    """One partition's keyed state on local disk. Not thread-safe: it belongs to its loop."""

    def __init__(self, path: Path, encode: Encode, decode: Decode) -> None:
        self._path = path
        self.encode = encode
        self._decode = decode
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = self._open()

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

    @classmethod
    def open(cls, path: Path, encode: Encode, decode: Decode) -> Store:
        """Open the file; one that SQLite cannot read is thrown away, for Kafka holds the truth."""
        try:
            return cls(path, encode, decode)
        except sqlite3.DatabaseError:
            _remove(path)
            return cls(path, encode, decode)

    def proof(self) -> Proof | None:
        """What the store claims to be; None when it is new."""
        meta = dict(self._db.execute("SELECT name, value FROM meta"))
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
        row = self._db.execute("SELECT value FROM kv WHERE key = ?", (key,)).fetchone()
        return self._decode(row[0])[1] if row else None

    def raw(self, key: str) -> tuple[str, bytes] | None:
        """The Avro name and the bytes of a value, for a dead letter."""
        row = self._db.execute("SELECT value FROM kv WHERE key = ?", (key,)).fetchone()
        return (self._decode(row[0])[0], row[0]) if row else None

    def scan(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        # U+10FFFF sorts behind every character that a key may hold.
        rows = self._db.execute(
            "SELECT key, value FROM kv WHERE key >= ? AND key < ? ORDER BY key",
            (prefix, prefix + "\U0010ffff"),
        ).fetchall()
        for key, value in rows:
            yield key, self._decode(value)[1]

    def due(self, now_ms: int, limit: int) -> list[Wake]:
        """At most `limit` timers whose time has come, earliest first."""
        rows = self._db.execute(
            "SELECT key, value FROM kv WHERE wake_at <= ? ORDER BY wake_at, key LIMIT ?", (now_ms, limit)
        )
        return [Wake(key, self._decode(value)[1]) for key, value in rows]

    def next_wake_ms(self) -> int | None:
        """The earliest timer, epoch ms."""
        found: int | None = self._db.execute(
            "SELECT min(wake_at) FROM kv WHERE wake_at IS NOT NULL"
        ).fetchone()[0]
        return found

    def count(self) -> int:
        """Number of keys."""
        return int(self._db.execute("SELECT count(*) FROM kv").fetchone()[0])

    def write(self, rows: Iterable[tuple[str, bytes | None]], proof: Proof) -> None:
        """Apply changelog records (None removes the key) and the offset behind them in one local transaction."""
        self._db.execute("BEGIN")
        try:
            for key, value in rows:
                if value is None:
                    self._db.execute("DELETE FROM kv WHERE key = ?", (key,))
                else:
                    wake_at = self._decode(value)[1].get("wake_at")
                    self._db.execute("INSERT OR REPLACE INTO kv VALUES (?, ?, ?)", (key, value, wake_at))
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
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._db.close()


@dataclass(frozen=True, slots=True)
class _Written:
    value: dict[str, Any]
    encoded: bytes


class StateView:
    """`State` over a store for the length of one Kafka transaction; passes `behaviour/state`.

    Writes stay here until the transaction has committed; `undo_to` takes back what one failed step wrote.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: dict[str, _Written | None] = {}
        self._journal: list[tuple[str, bool, _Written | None]] = []

    def get(self, key: str) -> dict[str, Any] | None:
        if key in self._pending:
            found = self._pending[key]
            return dict(found.value) if found else None
        return self._store.get(key)

    def put(self, key: str, name: str, value: Value) -> None:
        self._write(key, _Written(dict(value), self._store.encode(name, value)))

    def delete(self, key: str) -> None:
        if self.get(key) is not None:
            self._write(key, None)

    def _write(self, key: str, entry: _Written | None) -> None:
        self._journal.append((key, key in self._pending, self._pending.get(key)))
        self._pending[key] = entry

    def scan(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        merged: dict[str, Mapping[str, Any] | None] = dict(self._store.scan(prefix))
        for key, entry in self._pending.items():
            if key.startswith(prefix):
                merged[key] = entry.value if entry else None
        for key in sorted(merged):
            value = merged[key]
            if value is not None:
                yield key, dict(value)

    def mark(self) -> int:
        """A point that `undo_to` can come back to."""
        return len(self._journal)

    def undo_to(self, mark: int) -> None:
        while len(self._journal) > mark:
            key, was_pending, entry = self._journal.pop()
            if was_pending:
                self._pending[key] = entry
            else:
                del self._pending[key]

    def changes(self) -> list[tuple[str, bytes | None]]:
        """What the changelog must carry: the last value of each key written, encoded; None is a tombstone."""
        return [(key, entry.encoded if entry else None) for key, entry in self._pending.items()]


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
