"""Warm standby on a real broker: a member dies, and who takes its partition over replays the last moments alone."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from streams.runtime.clock import SystemClock
from streams.runtime.standby import Standbys
from streams.runtime.store import Store
from streams.runtime.telemetry import NoTelemetry
from tests.integration.loop.counting import event
from tests.integration.loop.line import Line, Running, seen
from tests.unit.runtime.stores import open_store
from tests.waiting import until

pytestmark = pytest.mark.integration

KEPT, TIMERS = 5_000, 200
HOUR_MS = 3_600_000


class Lags(NoTelemetry):
    """What the standby tells of itself, by partition."""

    def __init__(self) -> None:
        self.of: dict[int, int] = {}

    def standby_lag(self, stage: str, partition: int, records: int) -> None:  # noqa: ARG002
        self.of[partition] = records


def _read(heir: Running, number: int) -> int:
    """How many changelog records its standby of `number` has read. The store itself belongs to its loop's thread."""
    tail = heir.loop._standbys._tails().get(number)
    return tail.replayed if tail else 0


def _standing_by(line: Line, heir: Running, lags: Lags, number: int, kept: int) -> None:
    """`kept` timers of an hour from now are in the state of `number`, and the standby has all of them."""
    due_at = SystemClock().now_ms() + HOUR_MS
    line.produce(*(event("WAKE", "u", f"kept{n}", due_at) for n in range(kept)), partition=number)

    until(lambda: _read(heir, number) == kept, "the standby has read what the owner wrote")
    until(lambda: lags.of.get(number) == 0, "and says so")


def _stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the standby reads nothing, so that what it lacks is known: as if its member had no time."""
    monkeypatch.setattr(Standbys, "advance", lambda *_: None)


def _due_soon(line: Line, number: int) -> None:
    """Timers that come due while nobody owns the partition; they are in the changelog when this returns."""
    due_at = SystemClock().now_ms() + 3_000
    line.produce(*(event("WAKE", "u", f"due{n}", due_at + n) for n in range(TIMERS)), partition=number)
    until(
        lambda: {f"timer|u|due{n}" for n in range(TIMERS)} <= set(line.state()), "they are in the changelog"
    )


def _replayed(caplog: pytest.LogCaptureFixture, number: int) -> list[int]:
    """How many changelog records each takeover of `number` has replayed."""
    found = re.findall(rf"partition {number} is ready: (\d+) changelog records", caplog.text)
    return [int(count) for count in found]


def _all_fired_once(line: Line) -> None:
    line.await_outputs(TIMERS)
    assert sorted(seen(line.outputs(), "WOKEN")) == sorted(f"due{n}" for n in range(TIMERS))


def _stored(path: Path) -> dict[str, Any]:
    store: Store = open_store(path)
    try:
        return dict(store.items())
    finally:
        store.close()


def _one_each(line: Line, lags: Lags, **options: Any) -> tuple[Any, Running, int]:
    """A member in a process of its own, its heir here, and the partition of the former."""
    owner = line.child("a")
    heir = line.run(
        line.loop("b", standby=True, telemetry=lags, **options),
        again=lambda: line.loop("b", standby=True, telemetry=lags, **options),
    )
    until(lambda: len(heir.owned()) == 1 and heir.loop._standbys._tails(), "each has its part")
    (number,) = heir.loop._standbys._tails()
    return owner, heir, number


def test_a_takeover_replays_only_what_the_standby_lacked(
    protocol_line: Line, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL of the owner of thousands: its heir replays the timers that were set last, and not the thousands; each of
    them fires once, and the store is then the fold of the changelog."""
    line, lags = protocol_line, Lags()
    caplog.set_level(logging.INFO, "ringback")
    owner, heir, number = _one_each(line, lags)
    _standing_by(line, heir, lags, number, KEPT)
    _stands_still(monkeypatch)
    _due_soon(line, number)
    owner.kill()
    heir.until_owns(line.partitions)
    assert _replayed(caplog, number)[-1] == TIMERS
    _all_fired_once(line)
    heir.stop()
    stored: dict[str, Any] = {}
    for partition in range(line.partitions):
        stored |= _stored(line.folder / "b" / line.name / f"{partition}.lmdb")
    assert stored == line.state()
    assert len(stored) == KEPT


def test_what_is_lost_is_stood_by_for_and_comes_back_warm(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    """A member that gives a partition up keeps its store in step with the new owner, and takes it back as it is."""
    caplog.set_level(logging.INFO, "ringback")
    lags = Lags()
    heir = line.start("b", standby=True, telemetry=lags)
    due_at = SystemClock().now_ms() + HOUR_MS
    for number in range(line.partitions):
        line.produce(*(event("WAKE", "u", f"{number}-{n}", due_at) for n in range(500)), partition=number)
    until(lambda: len(line.state()) == 1_000, "the state is written")
    other = line.start("c")
    until(lambda: len(heir.owned()) == 1 and heir.loop._standbys._tails(), "each has its part")
    (number,) = heir.loop._standbys._tails()
    assert "restoring" not in caplog.text
    line.produce(*(event("WAKE", "u", f"more{n}", due_at) for n in range(300)), partition=number)
    until(lambda: _read(heir, number), "the standby reads on")
    until(lambda: _read(heir, number) == 300, "all that is new, and nothing of what it had")
    other.stop()
    heir.until_owns(line.partitions)
    assert _replayed(caplog, number)[-1] == 0


def _flip(path: Path) -> None:
    """One bit of every stored value, from another process: what the standby has open changes under it."""
    script = """
        import sys, lmdb
        with lmdb.open(sys.argv[1], subdir=False, max_dbs=3, writemap=True) as db, db.begin(write=True) as txn:
            values = db.open_db(b"values", txn=txn)
            for key, value in list(txn.cursor(db=values)):
                txn.put(key, value[:-1] + bytes([value[-1] ^ 1]), db=values)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(path)], check=True, timeout=60)


def test_damage_that_the_standby_does_not_see_costs_the_owner_a_restore(
    line: Line, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values are looked at when they are used: the new owner stops at the first and restores all from the changelog."""
    caplog.set_level(logging.INFO, "ringback")
    lags = Lags()
    owner, heir, number = _one_each(line, lags)
    _standing_by(line, heir, lags, number, 500)
    _due_soon(line, number)
    until(lambda: _read(heir, number) == 500 + TIMERS, "the standby has them too")
    _stands_still(monkeypatch)
    _flip(line.folder / "b" / line.name / f"{number}.lmdb")
    owner.kill()
    _all_fired_once(line)
    until(lambda: heir.loop.ready, "it is ready")
    handed_over, *_, restored = _replayed(caplog, number)
    assert handed_over == 0
    assert restored >= 500


def test_a_standby_whose_file_is_torn_reads_all_of_it_again(line: Line) -> None:
    """Its pages, all but the first two, as a disk may lose them while nobody has it open."""
    lags = Lags()
    owner, heir, number = _one_each(line, lags)
    _standing_by(line, heir, lags, number, 500)
    heir.stop()
    path = line.folder / "b" / line.name / f"{number}.lmdb"
    raw = path.read_bytes()
    path.write_bytes(raw[:8192] + b"\xff" * (len(raw) - 8192))
    heir = line.run(line.loop("b", standby=True), again=lambda: line.loop("b", standby=True))
    until(lambda: _read(heir, number) >= 500, "all of it was read again")
    _due_soon(line, number)
    owner.kill()
    heir.until_owns(line.partitions)
    _all_fired_once(line)
