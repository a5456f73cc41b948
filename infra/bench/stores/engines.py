"""The engines that could hold a partition's state, each used as its own documentation advises for our load.

All keep keys with values and wake times, in the order of both, and commit a batch at once without fsync.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from zlib import crc32

import lmdb

_TIME = struct.Struct(">q")
_HEAD = struct.Struct(">qI")


class Put(NamedTuple):
    key: bytes
    value: bytes
    wake_at: int


class Engine(Protocol):
    def __init__(self, folder: Path) -> None: ...
    def write(self, puts: Iterable[Put], deletes: Iterable[tuple[bytes, int]]) -> None:
        """One local transaction; a delete names the wake time too."""

    def get(self, key: bytes) -> object: ...
    def due(self, limit: int) -> list[tuple[bytes, int]]:
        """The earliest keys with their wake times; reads their values too."""

    def close(self) -> None: ...


class Sqlite:
    """WAL, synchronous=NORMAL, WITHOUT ROWID, executemany."""

    def __init__(self, folder: Path) -> None:
        self._db = db = sqlite3.connect(folder / "store.sqlite", isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute(
            "CREATE TABLE IF NOT EXISTS kv(key BLOB PRIMARY KEY, value BLOB, wake_at INT) WITHOUT ROWID"
        )
        db.execute("CREATE INDEX IF NOT EXISTS wakes ON kv(wake_at) WHERE wake_at IS NOT NULL")

    def write(self, puts: Iterable[Put], deletes: Iterable[tuple[bytes, int]]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany("DELETE FROM kv WHERE key = ?", ((key,) for key, _ in deletes))
        self._db.executemany("INSERT OR REPLACE INTO kv VALUES (?, ?, ?)", puts)
        self._db.execute("COMMIT")

    def get(self, key: bytes) -> object:
        return self._db.execute("SELECT value FROM kv WHERE key = ?", (key,)).fetchone()

    def due(self, limit: int) -> list[tuple[bytes, int]]:
        query = "SELECT key, wake_at, value FROM kv WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT ?"
        return [(key, wake_at) for key, wake_at, _ in self._db.execute(query, (limit,))]

    def close(self) -> None:
        self._db.close()


class Lmdb:
    """As streams/runtime/store.py: no sync, a checksum on each record."""

    def __init__(self, folder: Path) -> None:
        self._db = lmdb.open(
            str(folder / "store.lmdb"),
            subdir=False,
            map_size=2**36,
            max_dbs=2,
            sync=False,
            readahead=False,
            writemap=True,
        )
        self._values, self._wakes = self._db.open_db(b"values"), self._db.open_db(b"wakes")

    def write(self, puts: Iterable[Put], deletes: Iterable[tuple[bytes, int]]) -> None:
        with self._db.begin(write=True) as txn:
            for key, wake_at in deletes:
                txn.delete(key, db=self._values)
                txn.delete(_TIME.pack(wake_at) + key, db=self._wakes)
            for key, value, wake_at in puts:
                txn.put(key, _HEAD.pack(wake_at, crc32(value)) + value, db=self._values)
                txn.put(_TIME.pack(wake_at) + key, b"", db=self._wakes)

    def get(self, key: bytes) -> object:
        with self._db.begin() as txn:
            return txn.get(key, db=self._values)

    def due(self, limit: int) -> list[tuple[bytes, int]]:
        found: list[tuple[bytes, int]] = []
        with self._db.begin() as txn:
            for wake in txn.cursor(db=self._wakes).iternext(values=False):
                if len(found) == limit:
                    break
                txn.get(wake[8:], db=self._values)
                found.append((wake[8:], _TIME.unpack_from(wake)[0]))
        return found

    def close(self) -> None:
        self._db.close()


class Rocks:
    """RocksDB: 8 MB write buffers, 8 MB block cache, bloom filter; its WAL and its own block checksums."""

    def __init__(self, folder: Path) -> None:
        import rocksdict

        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(8 << 20)
        options.set_max_write_buffer_number(2)
        blocks = rocksdict.BlockBasedOptions()
        blocks.set_block_cache(rocksdict.Cache(8 << 20))
        blocks.set_bloom_filter(10, False)
        options.set_block_based_table_factory(blocks)
        self._batch: Any = rocksdict.WriteBatch
        self._db: Any = rocksdict.Rdict(str(folder / "store.rocks"), options)

    def write(self, puts: Iterable[Put], deletes: Iterable[tuple[bytes, int]]) -> None:
        batch = self._batch(raw_mode=True)
        for key, wake_at in deletes:
            batch.delete(b"v" + key)
            batch.delete(b"w" + _TIME.pack(wake_at) + key)
        for key, value, wake_at in puts:
            batch.put(b"v" + key, _TIME.pack(wake_at) + value)
            batch.put(b"w" + _TIME.pack(wake_at) + key, b"")
        self._db.write(batch)

    def get(self, key: bytes) -> object:
        return self._db.get(b"v" + key)

    def due(self, limit: int) -> list[tuple[bytes, int]]:
        found: list[tuple[bytes, int]] = []
        for wake in self._db.keys(from_key=b"w"):
            if len(found) == limit:
                break
            self._db.get(b"v" + wake[9:])
            found.append((wake[9:], _TIME.unpack_from(wake, 1)[0]))
        return found

    def close(self) -> None:
        self._db.close()


ENGINES: dict[str, type[Engine]] = {"sqlite": Sqlite, "lmdb": Lmdb, "rocksdb": Rocks}
