"""The local store of one partition: LMDB, ordered by key and by wake time. Behind Kafka or equal, never ahead.

One file, three tables:

    values   key (UTF-8)                      →  wake_at (8), CRC-32 of all of it (4), value
    wakes    wake_at (8), CRC-32 of key (4), key  →  nothing      only keys whose wake_at is not null
    meta     "changelog_offset"               →  the next changelog offset to replay
             "topic_id", "cluster_id"         →  which log this is a copy of
             "current_at"                     →  epoch ms at which the store was last complete, or begun empty; 0: never

Numbers in keys are big endian, so that their order is that of time; value: Avro single-object bytes; wake_at: epoch ms
of a timer, NO_WAKE for none. Keys begin with the tenant, so timers of one millisecond are ordered by checksum: in a
burst at the full hour nobody's come first.

State and changelog offset are written in one local transaction, after the Kafka transaction has committed. A crash
between the two leaves the store behind, and the changelog's tail brings it up again. Nothing is fsynced before the
member ends; what that asks for stands in trust.py. A store that fails is removed when it is closed: the changelog
brings all of it back. Why LMDB: decisions/2026-11-21-lmdb-for-the-local-store.md.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import lmdb

from streams.runtime.errors import Outgrown, StoreFailed
from streams.runtime.processor import Poison, Value, Wake
from streams.runtime.trust import Trust

Encode = Callable[[str, Value], bytes]
Decode = Callable[[bytes], tuple[str, dict[str, Any]]]  # Avro name, value
WakeAt = Callable[[bytes], int | None]  # the timer in a value

NO_WAKE = -1
# What LMDB takes as a key, less what stands before it in `wakes`, and behind it where `timers` looks for the next.
MAX_KEY_BYTES = 511 - 12 - 1
# The file is as long as its map, with holes where nothing was written. It doubles when it is full.
FIRST_MAP_BYTES = 16 * 2**20

_HEAD = struct.Struct(">qI")
_TIME = struct.Struct(">q")
_META = ("cluster_id", "topic_id", "changelog_offset", "current_at")


@dataclass(frozen=True, slots=True)
class Proof:
    """Which log the store copies, how far, and when it was last complete or begun (epoch ms): see replay.py."""

    cluster_id: str
    topic_id: str
    changelog_offset: int
    current_at: int


class Change(NamedTuple):
    """One changelog record: the encoded value, None for a tombstone, and the timer in it (epoch ms)."""

    key: str
    value: bytes | None
    wake_at: int | None


class Timer(NamedTuple):
    """When (epoch ms), and the key of the record that holds it."""

    wake_at: int
    key: str


class Store:
    """One partition's keyed state on local disk. Not thread-safe: it belongs to its loop.

    Every method raises StoreFailed when the file cannot be read or written, or a record is not what was written, and
    Hold when a value was written by a schema that this release does not know.
    """

    def __init__(self, path: Path, encode: Encode, decode: Decode, wake_at: WakeAt) -> None:
        self._path = path
        self._failed = False
        self._grown = 0
        self._trust = Trust(path)
        self.encode = encode
        self._decode = decode
        self._wake_at = wake_at
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if self._trust.take():
                _remove(path)
            try:
                self._open()
            except lmdb.Error:
                # Not a store: Kafka holds the truth.
                _remove(path)
                self._open()
        except (lmdb.Error, OSError) as error:
            raise StoreFailed(f"{path}: {error}") from error

    def _open(self) -> None:
        self._db = lmdb.open(
            str(self._path),
            subdir=False,
            map_size=max(FIRST_MAP_BYTES, self._path.stat().st_size if self._path.exists() else 0),
            max_dbs=3,
            max_readers=4,
            sync=False,
            metasync=False,
            writemap=True,  # half the CPU, and no copy of each touched page in our own memory
            readahead=False,
            meminit=False,
        )
        self._values, self._wakes, self._meta = (
            self._db.open_db(name) for name in (b"values", b"wakes", b"meta")
        )
        self._read = self._db.begin()

    def _failure(self, error: object) -> StoreFailed:
        self._failed = True
        return StoreFailed(f"{self._path}: {error}")

    def _checked(self, key: bytes, stored: bytes) -> bytes:
        value = stored[12:]
        wake_at, checksum = _HEAD.unpack_from(stored) if len(stored) >= _HEAD.size else (0, -1)
        if checksum != _checksum(key, value, wake_at):
            raise self._failure("a record is not what was written (checksum)")
        return value

    def decode(self, value: bytes) -> tuple[str, dict[str, Any]]:
        """The Avro name and the value of what was stored. What does not decode was torn: we have written it."""
        try:
            return self._decode(value)
        except Poison as poison:
            raise self._failure(poison) from poison

    def proof(self) -> Proof | None:
        """What the store claims to be; None when it is new."""
        try:
            found = {name: self._read.get(name.encode(), db=self._meta) for name in _META}
            if any(value is None for value in found.values()):
                return None
            cluster, topic, offset, current_at = (bytes(value or b"").decode() for value in found.values())
            return Proof(cluster, topic, int(offset), int(current_at))
        except (lmdb.Error, ValueError) as error:
            raise self._failure(error) from error

    def wipe(self) -> None:
        """Begin again with an empty store."""
        try:
            self._close()
            _remove(self._path)
            self._open()
        except (lmdb.Error, OSError) as error:
            raise self._failure(error) from error

    def get(self, key: str) -> dict[str, Any] | None:
        found = self.raw(key)
        return self.decode(found)[1] if found is not None else None

    def raw(self, key: str) -> bytes | None:
        """The bytes of a value."""
        name = key.encode()
        if len(name) > MAX_KEY_BYTES:
            return None
        try:
            found = self._read.get(name, db=self._values)
        except lmdb.Error as error:
            raise self._failure(error) from error
        return self._checked(name, found) if found is not None else None

    def holds(self, key: str, value: bytes | None) -> bool:
        """Is `raw(key)` still this value? Quicker: a value that is equal needs no checksum."""
        try:
            found = self._read.get(key.encode(), db=self._values)
        except lmdb.Error as error:
            raise self._failure(error) from error
        return found is None if value is None else found is not None and found[_HEAD.size :] == value

    def scan(self, prefix: str, after: str = "", limit: int | None = None) -> list[tuple[str, bytes]]:
        """All keys that start with `prefix`, in order, and the bytes of their values; with `after`, those behind
        that key; at most `limit`."""
        found: list[tuple[str, bytes]] = []
        start = prefix.encode()
        # A zero byte more: the least key that stands behind it.
        begin = max(start, after.encode() + b"\0" if after else b"")
        try:
            with self._read.cursor(db=self._values) as cursor:
                if begin and not cursor.set_range(begin):
                    return []
                for key, stored in cursor:
                    if len(found) == limit or not key.startswith(start):
                        break
                    found.append((key.decode(), self._checked(key, stored)))
        except (lmdb.Error, UnicodeDecodeError) as error:
            raise self._failure(error) from error
        return found

    def items(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All keys and decoded values as of the first `next`, in key order, read as they are iterated.

        Until it ends the file keeps the pages of then, and grows by what is written meanwhile. Raises Outgrown when
        that is more than the map holds.
        """
        grown = self._grown
        try:
            with self._db.begin() as txn, txn.cursor(db=self._values) as cursor:
                for key, stored in cursor:
                    yield key.decode(), self.decode(self._checked(key, stored))[1]
                    if self._grown != grown:  # and the transaction is no more
                        raise Outgrown(str(self._path))
        except (lmdb.Error, UnicodeDecodeError) as error:
            raise self._failure(error) from error

    def timers(self, until_ms: int, after: Timer | None = None) -> Iterator[Timer]:
        """The timers up to `until_ms`, earliest first, those of one millisecond in no tenant's order; with `after`,
        those behind it. Read as they are iterated, which must end before the next `write`."""
        unpack = _TIME.unpack_from
        try:
            with self._read.cursor(db=self._wakes) as cursor:
                if after is not None:
                    key = after.key.encode()
                    # A zero byte more: the least key that stands behind it.
                    if not cursor.set_range(_HEAD.pack(after.wake_at, crc32(key)) + key + b"\0"):
                        return
                for wake in cursor.iternext(values=False):
                    (wake_at,) = unpack(wake)
                    if wake_at > until_ms:
                        return
                    yield Timer(wake_at, wake[12:].decode())
        except (lmdb.Error, struct.error, UnicodeDecodeError) as error:
            raise self._failure(error) from error

    def wake(self, timer: Timer) -> Wake:
        """The event of a timer that `timers` has named."""
        key = timer.key.encode()
        try:
            stored = self._read.get(key, db=self._values)
        except lmdb.Error as error:
            raise self._failure(error) from error
        if stored is None or _TIME.unpack_from(stored)[0] != timer.wake_at:
            raise self._failure("a timer that is not that of its record")
        return Wake(timer.key, self.decode(self._checked(key, stored))[1])

    def next_wake_ms(self) -> int | None:
        """The earliest timer, epoch ms."""
        try:
            with self._read.cursor(db=self._wakes) as cursor:
                return _TIME.unpack_from(cursor.key())[0] if cursor.first() else None
        except (lmdb.Error, struct.error) as error:
            raise self._failure(error) from error

    def count(self) -> int:
        """Number of keys."""
        try:
            return int(self._read.stat(self._values)["entries"])
        except lmdb.Error as error:
            raise self._failure(error) from error

    def replayed(self, key: str, value: bytes | None) -> Change:
        """A changelog record that was read back."""
        try:
            return Change(key, value, self._wake_at(value) if value is not None else None)
        except Poison as poison:
            raise self._failure(poison) from poison

    def write(self, changes: Sequence[Change], proof: Proof) -> None:
        """Apply changelog records, the last of each key, and the offset behind them in one local transaction."""
        self._read.abort()  # it sees the past, and keeps its pages
        try:
            while True:
                try:
                    self._write(changes, proof)
                    break
                except lmdb.MapFullError:
                    self._db.set_mapsize(2 * self._db.info()["map_size"])
                    self._grown += 1
            self._read = self._db.begin()
        except (lmdb.Error, struct.error, OSError) as error:
            raise self._failure(error) from error

    def _write(self, changes: Sequence[Change], proof: Proof) -> None:
        with self._db.begin(write=True) as txn:
            self._apply(txn, changes)
            for name in _META:
                txn.put(name.encode(), str(getattr(proof, name)).encode(), db=self._meta)

    def _apply(self, txn: lmdb.Transaction, changes: Sequence[Change]) -> None:
        values, wakes = self._values, self._wakes
        pack, unpack_time, get, delete = _HEAD.pack, _TIME.unpack_from, txn.get, txn.delete
        stored, timers = [], []
        # What a key was before is looked up before anything is put: so each must come once.
        for name, value, wake_at in {change.key: change for change in changes}.values():
            key = name.encode()
            before = get(key, None, values)
            old = unpack_time(before)[0] if before is not None else NO_WAKE
            new = NO_WAKE if wake_at is None else wake_at
            if old not in (NO_WAKE, new):
                delete(pack(old, crc32(key)) + key, b"", wakes)
            if value is None:
                if before is not None:
                    delete(key, b"", values)
                continue
            stored.append((key, pack(new, _checksum(key, value, new)) + value))
            if new not in (NO_WAKE, old):
                timers.append((pack(new, crc32(key)) + key, b""))
        for database, items in ((values, stored), (wakes, timers)):
            with txn.cursor(database) as cursor:
                cursor.putmulti(items)

    def _close(self) -> None:
        self._read.abort()
        self._db.close()

    def close(self, *, sync: bool = False) -> None:
        """Let go of the file; `sync` first writes all of it to disk, which may take seconds. A store that failed is
        removed."""
        try:
            if sync and not self._failed:
                self._db.sync(True)
            self._close()
        except lmdb.Error:
            self._failed = True
        with contextlib.suppress(OSError):  # the next opening decides by what it finds
            if self._failed:
                _remove(self._path)
            self._trust.release(on_disk=sync or self._failed)


def _checksum(key: bytes, value: bytes, wake_at: int) -> int:
    """CRC-32 of all three; the time is what it begins with."""
    return crc32(value, crc32(key, wake_at & 0xFFFF_FFFF))


def _remove(path: Path) -> None:
    for suffix in ("", "-lock"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
