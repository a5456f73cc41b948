"""Figures, verdicts and the table, from outcomes made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.bench.stores.run import TITLES
from infra.bench.stores.run import table as stores_table
from infra.bench.timers.floor import Step
from infra.bench.timers.hardship import silences
from infra.bench.timers.load import spread
from infra.bench.timers.measures import measures
from infra.bench.timers.outcome import Outcome
from infra.bench.timers.scale import SCALES
from infra.bench.timers.subject import Fired
from infra.bench.timers.table import figures, number, table, verdicts
from infra.bench.timers.tally import tally
from infra.bench.timers.works import rates


def test_a_rate_leaves_out_what_happened_before_the_first_commit() -> None:
    """The start of the process is not work: 90 of 100 in the two seconds and half a CPU second after the first ten."""
    steps = [Step(0.0, 5, 1.0), Step(3.0, 15, 2.0), Step(5.0, 105, 2.5)]
    assert rates(steps, before=5) == (45.0, 180.0)


def test_one_commit_gives_no_rate() -> None:
    """Rather no figure than a wrong one."""
    with pytest.raises(ValueError, match="one commit"):
        rates([Step(0.0, 0, 0.0), Step(1.0, 100, 1.0)], before=0)


def test_a_silence_is_the_longest_gap_after_its_kill() -> None:
    """Records that were on their way when it was killed do not end it, and records before it do not count."""
    received = [0.0, 100.0, 160.0, 2_160.0, 2_200.0, 2_250.0]
    assert silences(received, [(150.0, False)]) == [2.0]
    assert silences(received, [(150.0, False), (2_170.0, True)]) == [2.0, 0.05]


def test_a_silence_that_the_next_kill_came_into_is_not_counted() -> None:
    """It would be the length of two; the second kill has its own, from itself on."""
    received = [0.0, 160.0, 5_000.0]
    assert silences(received, [(150.0, False), (1_000.0, False)]) == [None, 4.0]
    assert silences([], [(150.0, False), (1_000.0, False)]) == [None, None]


def test_the_bar_is_the_peer_beside_us_when_it_ran() -> None:
    """Our p99 of 30 ms is fine beside 39 ms from elsewhere, and not fine beside a peer's 25 ms here and now."""
    rows = measures()
    ours = Outcome("W2", "ringback", 1, {"steady_p99_ms": 30.0})
    peer = Outcome("W2", "kstreams", 1, {"steady_p99_ms": 25.0})
    assert verdicts(rows, figures([ours])) == {"steady_p99_ms": True}
    assert verdicts(rows, figures([ours, peer])) == {"steady_p99_ms": False}


def test_the_bar_of_three_brokers_and_of_the_other_protocol() -> None:
    """Latency bars are those of the cluster at hand; memory does not care."""
    three = {row.key: row for row in measures(nodes=3)}
    assert (three["steady_p99_ms"].bar, three["burst_drain_s"].bar) == (150, None)
    assert three["ram_per_pending_bytes"].bar == 64
    assert {row.key: row.bar for row in measures(protocol="consumer")}["silence_max_s"] == 10


def test_the_largest_size_speaks_for_memory() -> None:
    """Of several sizes of W1 the table shows the largest, and all of them below."""
    outcomes = [Outcome("W1", "ringback", n, {"ram_per_pending_bytes": 1e6 / n}) for n in (1_000, 100_000)]
    assert figures(outcomes)["ringback"]["ram_per_pending_bytes"] == 10
    shown = table(measures(), outcomes, {"bullmq": "needs node"})
    assert "1,000         100,000" in shown
    assert "bullmq: not run, needs node" in shown


def test_the_table_says_what_is_missed_and_which_faults_there_were() -> None:
    """A row above its bar is marked; a doubled timer stands in the last row."""
    load = spread("w", 1, 1000, 1)
    twice = tally(load, [Fired(1001.0, 1000, "w", 0, 1000)] * 2)
    shown = table(measures(), [Outcome("W3", "ringback", 1, {"burst_drain_s": 2.5}, twice)], {})
    (row,) = [line for line in shown.splitlines() if "same millisecond" in line]
    assert row.endswith("missed")
    assert "0 1 0 0" in shown


def test_several_counts_of_pending_stand_side_by_side_and_the_largest_is_judged() -> None:
    """A column for each subject and count; the verdict is that of the most pending, beside its peer."""
    outcomes = [
        Outcome("W2", subject, 1, {"steady_p99_ms": p99_ms}, pending=pending)
        for subject, pending, p99_ms in (
            ("kstreams", 10, 10.0),
            ("ringback", 10, 15.0),
            ("kstreams", 1_000_000, 30.0),
            ("ringback", 1_000_000, 25.0),
        )
    ]
    assert verdicts(measures(), figures(outcomes)) == {"steady_p99_ms": True}
    names, counts, *rows = table(measures(), outcomes, {}).splitlines()
    assert names.split() == ["bar", "goal", "ringback", "ringback", "kstreams", "kstreams"]
    assert counts.split()[2:] == ["10", "1,000,000"] * 2
    (row,) = [row for row in rows if "W2 lateness p99" in row]
    assert row.split()[-4:] == ["15", "25", "10", "30"]


def test_faults_are_counted_at_the_pending_at_which_they_were() -> None:
    """A timer doubled at one size is not hidden by a clean run at another."""
    load = spread("w", 1, 1000, 1)
    fired = Fired(1001.0, 1000, "w", 0, 1000)
    outcomes = [
        Outcome("W3", "ringback", 1, {"burst_drain_s": 1.0}, tally(load, [fired] * copies), pending=pending)
        for pending, copies in ((10, 2), (20, 1))
    ]
    (row,) = [row for row in table(measures(), outcomes, {}).splitlines() if row.startswith("faults")]
    assert row.split()[-8:] == ["0", "1", "0", "0"] + ["0"] * 4


def test_the_pending_are_the_size_of_the_works_about_nothing_else() -> None:
    """`--pending N` fills the store of W2 with N, enqueues N in W1 and starts cold with N in W6."""
    for scale in SCALES.values():
        assert scale.with_pending(0) == scale
        filled = scale.with_pending(123)
        assert (filled.pending, filled.enqueue, filled.cold) == (123, (123,), 123)
        assert filled.burst == scale.burst


def test_the_stores_table_names_what_is_not_installed() -> None:
    """A row a figure, a column an engine that ran; the others by name."""
    found = {"lmdb": dict.fromkeys(TITLES, 1.5)}
    shown = stores_table(found, 1_000)
    assert all(title in shown for title in TITLES.values())
    assert "sqlite: not installed" in shown
    assert "lmdb: not installed" not in shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (40_000.4, "40,000"),
        (2.0, "2"),
        (0.7, "0.70"),
        (12.34, "12.3"),
        (123.4, "123"),
        (-0.5, "-0.50"),
    ],
)
def test_numbers_have_three_digits(value: float | None, text: str) -> None:
    """Nobody compares the fourth digit of a measurement on a shared machine."""
    assert number(value) == text


def test_every_scale_has_more_than_one_commit_of_everything() -> None:
    """A load that fits one transaction of the loop would have no rate."""
    assert all(size >= 20_000 for scale in SCALES.values() for size in scale.enqueue)


def test_the_drawing_is_a_png_even_with_nothing_in_it(tmp_path: Path) -> None:
    """Panels without figures say so; nothing is invented, nothing raises."""
    pytest.importorskip("matplotlib")
    from infra.bench.timers.plot import draw

    load = spread("w", 3, 1000, 1)
    late = tally(load, [Fired(1001.0 + t, 1000, "w", t, 1000) for t in range(3)])
    drawn = [
        *(Outcome("W2", "ringback", 3, {"steady_p99_ms": 3.0}, late, pending=n) for n in (10, 20)),
        Outcome("W3", "ringback", 3, {"burst_drain_s": 3.0}, late, [(1.0, 1), (2.0, 2)], pending=10),
        Outcome("W1", "ringback", 20, {"ram_per_pending_bytes": 3.0}, pending=20),
    ]
    for name, outcomes in (("empty", []), ("some", drawn)):
        file = tmp_path / f"{name}.png"
        draw(outcomes, file)
        assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
