"""`python -m infra.bench scaling`: its plan, its load and its figures."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from infra.bench.__main__ import bench
from infra.bench.scaling.run import Result
from infra.bench.scaling.samples import Sample, Sampler
from infra.bench.scaling.shape import Change, Shape, changes, members_text
from infra.bench.scaling.spans import Span, measure
from infra.bench.scaling.table import as_object, table
from infra.bench.scaling.texts import EACH_S, TENANTS, text
from infra.oracle import Event, History, Row, judge
from streams.topology import STAGES

ONE_EACH = dict.fromkeys(STAGES, 1)


def row(topic: str, appended_at: int, **value: Any) -> Row:
    return Row(topic, appended_at, value)


def due(reminder: str, fire_at: int, written: int) -> Row:
    return row(
        "reminders.due",
        written,
        reminder_id=reminder,
        due_at=fire_at,
        fire_at=fire_at,
        attempt=1,
        **{"try": 1},
    )


def called(reminder: str, due_at: int, at: int) -> Event:
    return {"type": "call.created", "at": at, "url": f"http://gateway/voice?k={reminder}.{due_at}.1.1"}


def sample(at_ms: int, lag_s: float, members: int = 1, busy_s: float = 0.0) -> Sample:
    return Sample(at_ms, dict.fromkeys(STAGES, lag_s), dict.fromkeys(STAGES, members), 0.0, busy_s)


def test_one_stage_goes_through_all_counts_before_the_next() -> None:
    """So that at most one stage has the most members at a time; `together` changes all at once."""
    shape = Shape(("inbound", "calls"), (1, 4, 2))
    assert changes(shape) == [
        Change(("inbound",), 1, 4),
        Change(("inbound",), 4, 2),
        Change(("calls",), 1, 4),
        Change(("calls",), 4, 2),
    ]
    together = Shape(("inbound", "calls"), (1, 4, 2), together=True)
    assert [change.name for change in changes(together)] == ["all 1 → 4", "all 4 → 2"]


@pytest.mark.parametrize("counts", ["1", "2,4", "1,1", "1,0", "1,x", ""])
def test_counts_that_change_nothing_are_wrong_use(counts: str) -> None:
    """Said before anything is started."""
    done = CliRunner().invoke(bench, ["scaling", "--members", counts])
    assert done.exit_code == 2
    assert "1,4,2" in done.output


def test_a_user_texts_once_a_minute_and_is_understood() -> None:
    """Two calls of one user at a time would be late for a reason of their own; each text is one that is read."""
    users = round(2.0 * EACH_S)
    texts = [text(number, users, 5) for number in range(users + 1)]
    senders = [sms["from"] for sms in texts]
    assert len(set(senders)) == users
    assert senders[0] == senders[-1]
    assert len({sms["to"] for sms in texts}) == len(TENANTS)
    assert len({sms["message_sid"] for sms in texts}) == len(texts)


def test_a_call_counts_where_it_was_due_and_a_fact_where_it_was_written() -> None:
    """A reminder that was due just before a change and called after it is late because of the change."""
    spans = [Span("one", ONE_EACH, 0, 10_000), Span("more", ONE_EACH, 10_000, 20_000, 3.0)]
    just_before = 9_950
    rows = [
        due("a", 5_000, 5_010),
        due("b", just_before, 12_000),
        row("reminders.events", 1_000, type="SCHEDULED", message_sid="SM1"),
        row("reminders.events", 12_000, type="FIRED", message_sid=None),
    ]
    truth = [called("a", 5_000, 5_050), called("b", just_before, 12_100)]
    samples = [sample(1_000, 0.5, busy_s=1.0), sample(3_000, 0.1, busy_s=4.0), sample(11_000, 2.5)]
    one, more = measure(spans, rows, truth, samples)
    assert (one.called.max_ms, one.fired.max_ms) == (50, 10)
    assert (more.called.max_ms, more.fired.max_ms) == (12_100 - just_before, 12_000 - just_before)
    assert (one.sms_per_s, more.sms_per_s) == (0.1, 0.0)
    assert (one.calls_per_s, more.calls_per_s) == (0.1, 0.1)
    assert (one.lag_s["calls"], more.lag_s["calls"]) == (0.5, 2.5)
    assert (one.cores, more.cores) == (1.5, None)


def test_calm_is_seen_several_times_and_with_the_members_that_were_wanted() -> None:
    """One good look may lie between two bad ones, and a group may not have its members yet."""
    sampler = Sampler.__new__(Sampler)
    sampler._died = None
    sampler.samples = [sample(0, 3.0), sample(1, 0.1), sample(2, 0.2)]
    assert sampler.calm({"calls": 1}, 1.0, 2)
    assert not sampler.calm({"calls": 1}, 1.0, 3), "the first was behind"
    assert not sampler.calm({"calls": 4}, 1.0, 2), "four were wanted"
    sampler.samples.append(Sample(3, {}, dict.fromkeys(STAGES, 1), 0.0, 0.0))
    assert not sampler.calm({"calls": 1}, 1.0, 2), "of the last nothing is known"


def test_the_table_names_what_is_wrong_and_json_has_it_all() -> None:
    """A lost SMS makes the run bad, in words and in the exit code's reason."""
    verdict = judge("scaling", History({"SM1": True}, [], [], 1_000, 0))
    spans = [Span("1·1·1·1·1 members", ONE_EACH, 0, 5_000)]
    result = Result(Shape(), 3, spans, measure(spans, [], [], []), [sample(1, 0.1)], verdict, [], 0)
    assert not result.fine
    assert "no outcome of SMS SM1" in table(result)
    found = as_object(result)
    assert not found["fine"]
    assert found["spans"][0]["members"] == ONE_EACH
    assert found["samples"][0]["lag_s"]["calls"] == 0.1


def test_members_stand_in_the_order_of_the_pipeline() -> None:
    """As the columns of the lag do."""
    assert members_text({"calls": 4, "inbound": 1}) == "1·4"
