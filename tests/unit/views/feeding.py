"""Logs in memory and the tables that read them, without Kafka or Faust."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from schemas import codec
from streams.runtime.errors import Hold
from streams.runtime.processor import Poison
from streams.views.rows import Record
from streams.views.tables import Applied, Batch, Tables
from tests.unit.views.traffic import NAMES, Written

NOW_MS = 1_795_300_000_000
PARTITIONS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """A record in a log."""

    offset: int
    timestamp: int
    value: bytes | None


Logs = dict[tuple[str, int], list[Line]]


def decode(topic: str, value: bytes, name: str, _appended_at: int) -> Record:
    try:
        record: Record = codec.decode(value, expected=name).record
    except codec.UndecodableRecord as error:
        raise Poison("undecodable", str(error)) from error
    except codec.UnknownSchema as error:
        raise Hold(str(error)) from error
    assert NAMES[topic] == name
    return record


def tables_in(folder: Path) -> Tables:
    return Tables(folder, decode)


def logs_of(written: Iterable[Written], appended_at: int = NOW_MS) -> Logs:
    """Appended in this order, keyed as the pipeline does it."""
    logs: Logs = {}
    for each in written:
        log = logs.setdefault((each.topic, crc32(each.key.encode()) % PARTITIONS), [])
        log.append(Line(len(log), appended_at, each.value))
    return logs


def batch(place: tuple[str, int], lines: list[Line], start: int | None = None) -> Batch:
    start = lines[0].offset if start is None else start
    return Batch(place[0], place[1], start, lines[-1].offset + 1, lines)


def feed(tables: Tables, logs: Logs, at_once: int = 7) -> list[Applied]:
    """All of the logs, a few records of each at a time."""
    applied = []
    for place, log in logs.items():
        for first in range(0, len(log), at_once):
            applied.append(tables.apply(batch(place, log[first : first + at_once])))
    return applied
