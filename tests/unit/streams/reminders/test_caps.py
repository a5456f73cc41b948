"""What a tenant may spend on calls in a day, divided over partitions that know nothing of each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.ids import user_key
from streams.reminders.caps import WHOLE, Share, slice_of, spend, used_up
from streams.reminders.processor import Reminders
from streams.runtime.processor import DictState
from streams.tenants import TenantTable
from tests.unit.streams.reminders.line import NOON, Line, kinds, tenant

HOUR_S = 3_600
ASK = "Remind me to buy milk in 2 hours"


@given(st.integers(0, 10_000), st.integers(1, 100), st.integers(0, 30_000))
def test_the_slices_add_up_to_the_cap(cap: int, partitions: int, day: int) -> None:
    """On any day, none more than one greater than another: so the cap is never exceeded, whoever is busy."""
    slices = [slice_of(cap, Share(number, partitions), day) for number in range(partitions)]
    assert sum(slices) == cap
    assert max(slices) - min(slices) <= 1


@given(st.integers(0, 30), st.integers(1, 8), st.lists(st.integers(0, 7), max_size=60))
def test_partitions_together_never_call_more_than_the_cap(
    cap: int, partitions: int, users: list[int]
) -> None:
    """Each counts its own; and where all are busy the whole cap is used."""
    capped = tenant(calls_per_day=cap)
    states = [DictState() for _ in range(partitions)]
    made = 0
    for number in (user % partitions for user in users):
        share, user = Share(number, partitions), user_key("acme", "+14155550101")
        if used_up(states[number], capped, user, share, NOON) is None:
            spend(states[number], capped, user, NOON)
            made += 1
    assert made <= cap
    if partitions == 1:
        assert made == min(cap, len(users))


def test_a_reminder_for_today_is_refused_when_the_day_is_spent() -> None:
    """Told once; one for tomorrow is taken; and tomorrow all is well."""
    line = Line(tenant(calls_per_day=1))
    line.ring()
    told = len(line.sms)
    for _ in range(3):
        (refused,) = line.text(ASK)
        assert (refused["type"], refused["reason"], refused["charged"]) == ("REFUSED", "tenant_cap", False)
    assert len(line.sms) == told + 1
    assert "no more calls" in line.said()
    assert kinds(line.text("Remind me to buy eggs in 20 hours")) == ["SCHEDULED"]
    line.evidence("ANSWERED")
    line.wait(12 * HOUR_S)
    assert kinds(line.text(ASK)) == ["SCHEDULED"]


def test_what_was_accepted_and_exceeds_the_cap_is_missed_in_writing_and_by_sms() -> None:
    """Nothing is silent: a fact with the reason, and the words."""
    line = Line(tenant(calls_per_day=1))
    line.text("Remind me to buy milk in 1 hour")
    line.text("Remind me to buy eggs in 2 hours")
    line.wait(HOUR_S)
    line.evidence("ANSWERED")
    (missed,) = line.wait(HOUR_S)
    assert (missed["type"], missed["reason"]) == ("MISSED", "tenant_cap")
    assert "buy eggs" in line.said()
    assert len(line.due) == 1


def test_an_attempt_counts_once_however_many_tries_it_takes() -> None:
    """What the carrier did not take is not a call; the next attempt is one."""
    line = Line(tenant(calls_per_day=2, max_attempts=3, retry_backoff_s=1))
    line.text("Remind me to buy milk in 1 minute")
    line.wait(60)
    for _ in range(3):
        line.evidence("NOT_SENT")
        line.wait(60)
    assert [d["attempt"] for d in line.due] == [1] * 4
    line.evidence("BUSY")
    line.wait(60)
    assert line.due[-1]["attempt"] == 2
    line.evidence("BUSY")
    (missed,) = line.wait(60)
    assert (missed["type"], missed["reason"]) == ("MISSED", "tenant_cap")


def test_a_prefix_has_a_cap_of_its_own() -> None:
    """A call counts for every prefix that its number begins with; 0 is never."""
    line = Line(tenant(calls_per_prefix_per_day={"+1": 5, "+1415": 1, "+44": 0}))
    line.ring()
    (refused,) = line.text(ASK)
    assert (refused["type"], refused["reason"]) == ("REFUSED", "prefix_cap")
    other = Line(line.tenant, state=line.state, theirs="+12125550101")
    assert kinds(other.text(ASK)) == ["SCHEDULED"]
    british = Line(tenant(country="GB", calls_per_prefix_per_day={"+44": 0}), theirs="+442079460101")
    (never,) = british.text(ASK)
    assert never["reason"] == "prefix_cap"


def test_a_tenant_without_caps_keeps_no_count() -> None:
    """It is what costs the rehearsed timers."""
    line = Line()
    line.ring()
    assert not [key for key in line.state.values if key.startswith("k|")]


def test_a_clock_that_goes_back_does_not_begin_the_day_again() -> None:
    """Or a jump over midnight and back would give the cap twice."""
    state, capped, user = DictState(), tenant(calls_per_day=1), user_key("acme", "+14155550101")
    spend(state, capped, user, NOON + 24 * HOUR_S * 1000)
    assert used_up(state, capped, user, WHOLE, NOON) == "tenant_cap"


def test_the_processor_has_its_share() -> None:
    """Partition 1 of 2 has none of a cap of one on a day on which it is the other's turn."""
    day = NOON // (24 * HOUR_S * 1000)
    without = next(n for n in range(2) if slice_of(1, Share(n, 2), day) == 0)
    line = Line(tenant(calls_per_day=1))
    line.reminders = Reminders(TenantTable([line.tenant]), Share(without, 2))
    (refused,) = line.text(ASK)
    assert refused["reason"] == "tenant_cap"
