"""The tables: rows by id, sums over rows, and how far each partition was read. One local transaction holds all of it.

    rows      key of rows.py                  →  append time, partition, offset it was read at, value as it came
              s topic ␀ partition ␀ offset    →  the same of a record that was skipped: reason and detail
              i kind, append time, partition, offset     →  key of a row: dead letters (d) and skipped (s) by time
    sums      key of rows.py                  →  a whole number
    forget    number of the partition (2), day of its log (4), key of the row       →  nothing
    meta      "at" topic partition            →  Position
              "of"                            →  the version of these tables, and the ids of the topics they are of

A crash anywhere goes back to the last commit: rows, sums and positions of one moment, from which reading goes on. So
there is nothing to reconcile; a record that is read again after all meets its own row and adds nothing.

How long an id is remembered: until its partition's log is 35 days further (KEEP_DAYS), which is longer than any input
is retained and than the pipeline remembers ids itself. It is counted by the log's own time, so a replay at full speed
forgets what the first reading forgot. Counts and dead letters are kept for as many days of the clock, charges for good.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import lmdb
import msgspec

from streams.runtime.processor import Poison
from streams.topology import DEAD_LETTERS
from streams.views.rows import DAY_MS, MAX_KEY_BYTES, MEANINGS, Record, day_of

VERSION = 1
KEEP_DAYS = 35
# Address space, not disk: the file is as long as what is in it.
MAP_BYTES = 2**38
# Rows forgotten with one batch: a day's worth is not forgotten in one breath.
FORGET_AT_ONCE = 2_000

_HEAD = struct.Struct(">qIQ")
_FORGET = struct.Struct(">HI")
_WIDTH = 16

Place = tuple[str, int]
Decode = Callable[[str, bytes, str, int], Record]
"""(topic, value, Avro name, append time) → record. Raises Poison for what is no such record, Hold for what this
release cannot know."""


class Read(Protocol):
    """A record as the client gives it."""

    @property
    def offset(self) -> int: ...

    @property
    def timestamp(self) -> int: ...

    @property
    def value(self) -> bytes | None: ...


class Batch(NamedTuple):
    """What lies between two offsets of a partition, without markers and what was aborted. `start`: where reading was
    before, `end`: where it goes on; so a batch that is missing is seen from the next."""

    topic: str
    partition: int
    start: int
    end: int
    records: Sequence[Read]


class Position(msgspec.Struct, array_like=True):
    """`next`: where reading goes on; `number`: the partition's in `forget`; `first`: where the log began when we
    began to read it, and `first_at` the append time of what lay there; `last_at`: the append time of the last record;
    `swept`: days before it are forgotten."""

    number: int
    next: int = 0
    first: int = 0
    first_at: int = 0
    last_at: int = 0
    swept: int = 0


class Stored(NamedTuple):
    """A row as it lies there."""

    key: bytes
    appended_at: int
    partition: int
    offset: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Applied:
    """What a batch changed: new rows, copies of rows that were there, and reasons of what was skipped."""

    new: int
    copies: int
    skipped: tuple[str, ...]


class GapError(Exception):
    """A batch does not begin where the last one ended: records between were lost on the way here."""


class OtherTablesError(Exception):
    """The folder holds tables of another version, or of other topics than the cluster has now."""


class Tables:
    """Not thread-safe, and bound to the thread that opened it. Methods raise lmdb.Error when the disk does."""

    def __init__(self, path: Path, decode: Decode) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._decode = decode
        self._db = lmdb.open(str(path), map_size=MAP_BYTES, max_dbs=4, metasync=False, meminit=False)
        self._rows, self._sums, self._forget, self._meta = (
            self._db.open_db(name) for name in (b"rows", b"sums", b"forget", b"meta")
        )
        self._txn = self._db.begin(write=True)
        self._added: dict[bytes, int] = {}
        self.positions: dict[Place, Position] = {}
        for key, value in self._txn.cursor(db=self._meta):
            if key.startswith(b"at\0"):
                topic, _, partition = key[3:].decode().rpartition("\0")
                self.positions[topic, int(partition)] = msgspec.msgpack.decode(value, type=Position)
        self.uncommitted = 0

    def belong_to(self, topics: Mapping[str, str]) -> None:
        """Hold that the tables are of these topics (name → id). Raises OtherTablesError."""
        wanted = msgspec.msgpack.encode([VERSION, sorted(topics.items())])
        there = self._txn.get(b"of", db=self._meta)
        if there is None:
            self._txn.put(b"of", wanted, db=self._meta)
        elif there != wanted:
            raise OtherTablesError("these tables are of other topics, or of another release")

    def begin(self, place: Place, low: int) -> None:
        """The log of a partition begins at `low` now. What was deleted before we came is not in the figures."""
        position = self.positions.setdefault(place, Position(len(self.positions), next=low, first=low))
        if low > position.next:
            position.next, position.first, position.first_at = low, low, 0

    def next(self, place: Place) -> int:
        """Where reading goes on."""
        position = self.positions.get(place)
        return position.next if position else 0

    def apply(self, batch: Batch) -> Applied:
        """Take a batch in; what of it was taken before changes nothing. Raises GapError, and Hold when a schema is
        not known yet: then the same batch may be tried again."""
        place = batch.topic, batch.partition
        position = self.positions.setdefault(place, Position(len(self.positions)))
        if batch.start > position.next:
            raise GapError(
                f"{batch.topic} {batch.partition}: {position.next} to {batch.start} never came here"
            )
        new, skipped, put = 0, list[str](), self._put
        name, meaning = MEANINGS[batch.topic]
        decode, added = self._decode, self._added
        last_at = position.last_at
        for record in batch.records:
            if record.offset < position.next:
                continue  # taken in before; its id might be forgotten by now
            last_at = max(last_at, record.timestamp)
            try:
                if record.value is None:
                    raise Poison("empty", "a record without a value")
                row = meaning(decode(batch.topic, record.value, name, record.timestamp))
            except Poison as poison:
                if self._skip(batch, position, record, poison):
                    skipped.append(poison.reason)
                continue
            if put(row.key, batch.partition, position.number, record, record.value):
                new += 1
                if batch.topic == DEAD_LETTERS.name:
                    self._index(b"d", row.key, batch.partition, position.number, record)
                for key, amount in row.sums:
                    added[key] = added.get(key, 0) + amount
        if position.first and not position.first_at and batch.records:
            position.first_at = batch.records[0].timestamp
        position.next, position.last_at = max(position.next, batch.end), last_at
        self._sweep(position)
        self.uncommitted += len(batch.records)
        return Applied(new, len(batch.records) - new - len(skipped), tuple(skipped))

    def _put(self, key: bytes, partition: int, log: int, record: Read, value: bytes) -> bool:
        stored = _HEAD.pack(record.timestamp, partition, record.offset) + value
        if not self._txn.put(key, stored, overwrite=False, db=self._rows):
            return False
        self._txn.put(_FORGET.pack(log, max(0, record.timestamp) // DAY_MS) + key, b"", db=self._forget)
        return True

    def _index(self, kind: bytes, key: bytes, partition: int, log: int, record: Read) -> None:
        self._put(
            b"i" + kind + _HEAD.pack(record.timestamp, partition, record.offset), partition, log, record, key
        )

    def _skip(self, batch: Batch, position: Position, record: Read, poison: Poison) -> bool:
        """Keep where it lies and why; False when it was kept already."""
        key = f"s{batch.topic}\0{batch.partition}\0{record.offset}".encode()
        why = msgspec.msgpack.encode([poison.reason, poison.detail[:200]])
        if not self._put(key, batch.partition, position.number, record, why):
            return False
        self._index(b"s", key, batch.partition, position.number, record)
        counted = f"s{batch.topic}\0{poison.reason}".encode()
        self._added[counted] = self._added.get(counted, 0) + 1
        return True

    def _sweep(self, position: Position) -> None:
        """Forget rows of this partition whose day is over, a bounded number of them."""
        horizon = position.last_at // DAY_MS - KEEP_DAYS
        if horizon <= position.swept:
            return
        cursor = self._txn.cursor(db=self._forget)
        left = FORGET_AT_ONCE
        there = cursor.set_range(_FORGET.pack(position.number, 0))
        while there and left:
            log, day = _FORGET.unpack_from(cursor.key())
            if log != position.number or day >= horizon:
                break
            self._txn.delete(cursor.key()[_FORGET.size :], db=self._rows)
            there = cursor.delete()
            left -= 1
        if left:
            position.swept = horizon

    def settle(self) -> None:
        """Bring what was added into the table of sums."""
        for key, amount in sorted(self._added.items()):
            there = self._txn.get(key, db=self._sums)
            total = (int.from_bytes(there, "big", signed=True) if there else 0) + amount
            self._txn.put(key, total.to_bytes(_WIDTH, "big", signed=True), db=self._sums)
        self._added.clear()

    def commit(self, now_ms: int) -> None:
        """Make everything since the last commit durable, as one."""
        self.settle()
        for kind in (b"c", b"d"):
            self._expire(kind, now_ms // DAY_MS - KEEP_DAYS - 1)
        for (topic, partition), position in self.positions.items():
            key = f"at\0{topic}\0{partition}".encode()
            self._txn.put(key, msgspec.msgpack.encode(position), db=self._meta)
        self._txn.commit()
        self._txn = self._db.begin(write=True)
        self.uncommitted = 0

    def _expire(self, kind: bytes, day: int) -> None:
        if day <= 0:
            return
        cursor, end, left = self._txn.cursor(db=self._sums), kind + day_of(day * DAY_MS), FORGET_AT_ONCE
        there = cursor.set_range(kind)
        while there and left and cursor.key() < end:
            there = cursor.delete()
            left -= 1

    def rows(self, prefix: bytes) -> Iterator[Stored]:
        """Rows whose key begins so, in order of their keys."""
        for key, value in self._from(prefix, self._rows):
            yield _stored(key, value)

    def sums(self, prefix: bytes) -> Iterator[tuple[bytes, int]]:
        """Sums whose key begins so, in order of their keys."""
        self.settle()
        for key, value in self._from(prefix, self._sums):
            yield key, int.from_bytes(value, "big", signed=True)

    def _from(self, prefix: bytes, table: Any) -> Iterator[tuple[bytes, bytes]]:
        if len(prefix) > MAX_KEY_BYTES:
            return  # nothing has so long a name
        cursor = self._txn.cursor(db=table)
        there = cursor.set_range(prefix)
        while there and cursor.key().startswith(prefix):
            yield cursor.key(), cursor.value()
            there = cursor.next()

    def newest(self, kind: bytes, before: bytes | None, most: int) -> Iterator[tuple[bytes, Stored]]:
        """Up to `most` rows of an index, the newest first: (place in the index, row); only those before `before`."""
        prefix = b"i" + kind
        cursor = self._txn.cursor(db=self._rows)
        there = cursor.set_range(before if before is not None else prefix + b"\xff" * _HEAD.size)
        there = cursor.prev() if there else cursor.last()
        while there and most and cursor.key().startswith(prefix):
            place = cursor.key()
            key = cursor.value()[_HEAD.size :]
            row = self._txn.get(key, db=self._rows)
            if row is not None:
                yield place, _stored(key, row)
            most -= 1
            there = cursor.prev()

    def close(self) -> None:
        """Leave what was not committed: it will be read again."""
        self._txn.abort()
        self._db.close()


def _stored(key: bytes, value: bytes) -> Stored:
    appended_at, partition, offset = _HEAD.unpack_from(value)
    return Stored(key, appended_at, partition, offset, value[_HEAD.size :])
