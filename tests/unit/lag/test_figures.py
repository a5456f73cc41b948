"""What becomes of offsets: the conventions of the exporter that people know, and of ours."""

from __future__ import annotations

from connectors.lag.figures import measure, wanted
from connectors.lag.plan import Backlogs
from streams.topology import BILLING, EVENTS
from tests.unit.lag.snapshots import AT_MS, group, snapshot, topic


def test_a_partition_without_commit_has_minus_one_and_stays_out_of_the_lag_sum() -> None:
    """As danielqsj/kafka_exporter has it: offset and lag -1, which the sum of offsets counts, that of lags does not."""
    found = measure(snapshot([topic("t", [10, 20, 30])], [group("g", {"t": [4, -1, 30]})]), None)
    [(_, [lag])] = found.groups
    assert (lag.current, lag.lag) == ([4, -1, 30], [6, -1, 0])
    assert (lag.current_sum, lag.lag_sum) == (33, 6)


def test_what_is_not_known_is_absent_and_not_zero() -> None:
    """A partition without a leader has no end, one whose offset did not come has no offset: no figure of either."""
    state = topic("t", [None, 20], start=[None, 0])
    found = measure(snapshot([state], [group("g", {"t": [4, None]})]), Backlogs())
    [(_, [lag])] = found.groups
    assert lag.lag == [None, None]
    assert lag.readable == [None, None]
    assert lag.seconds == [None, None]


def test_a_stage_of_the_map_begins_at_the_start_where_it_has_not_committed() -> None:
    """Its members read from the earliest record, so all of it is left; of another group nobody knows."""
    topics = [topic(EVENTS.name, [5, 8], start=[2, 8])]
    for name, reads in ((BILLING.group, [3, 0]), ("somebody", None)):
        taken = snapshot(topics, [group(name, {})])
        found = measure(taken, Backlogs())
        [(_, lags)] = found.groups
        assert [lag.readable for lag in lags] == ([reads] if reads else [])
        assert wanted(taken) == ({(EVENTS.name, 0): (5, {2})} if reads else {})
    partly = measure(snapshot(topics, [group("somebody", {EVENTS.name: [4, -1]})]), Backlogs())
    [(_, [lag])] = partly.groups
    assert lag.readable == [1, None]


def test_a_group_that_retention_has_overtaken_reads_from_the_start_of_the_log() -> None:
    """Its lag in offsets stays what the tools say; what is left to be read is what is there."""
    taken = snapshot([topic("t", [100], start=[90])], [group("g", {"t": [10]})])
    backlogs = Backlogs()
    [reading] = backlogs.plan(wanted(taken), 1_000)
    assert (reading.first, reading.stop) == (90, 100)
    assert reading.window is not None
    for offset in range(90, 100):
        reading.window.take(offset, AT_MS - 5_000)
    [(_, [lag])] = measure(taken, backlogs).groups
    assert (lag.lag, lag.readable, lag.seconds, lag.exact) == ([90], [10], [5.0], [True])


def test_a_record_from_the_future_is_no_negative_age() -> None:
    """A producer whose clock is ahead of ours."""
    taken = snapshot([topic("t", [1])], [group("g", {"t": [0]})])
    backlogs = Backlogs()
    [reading] = backlogs.plan(wanted(taken), 1_000)
    assert reading.window is not None
    reading.window.take(0, AT_MS + 60_000)
    [(_, [lag])] = measure(taken, backlogs).groups
    assert lag.seconds == [0.0]


def test_estimates_and_what_was_not_read_are_counted() -> None:
    """Two groups behind on a partition of which nothing was read: two estimates, two ages that are absent."""
    found = measure(
        snapshot([topic("t", [10])], [group("g", {"t": [4]}), group("h", {"t": [2]})]), Backlogs()
    )
    assert (found.estimated, found.unread) == (2, 2)
    assert [lags[0].readable for _, lags in found.groups] == [[6], [8]]
    assert [lags[0].seconds for _, lags in found.groups] == [[None], [None]]
