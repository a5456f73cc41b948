"""What is remembered is forgotten in time, and what must not be forgotten is not."""

from __future__ import annotations

from streams.reminders.profile import BARE_MS, SETTLED_MS, SLACK_MS
from streams.reminders.state import ENDED_MS, SEEN_MS
from streams.topology import DAY_MS
from tests.unit.streams.reminders.line import THEIRS, Line, kinds, tenant

DAY_S = 86_400


def _keys(line: Line, prefix: str) -> list[str]:
    return [key for key in line.state.values if key.startswith(prefix)]


def test_an_sms_is_remembered_for_35_days() -> None:
    """Longer than the oldest SMS that is read (30 days): a copy within that time does nothing."""
    line = Line()
    line.text("list", sid="SM1")
    line.wait(SEEN_MS / 1000 - 1)
    assert line.text("list", sid="SM1") == []
    line.wait(1)
    assert _keys(line, "m|") == []


def test_an_ended_occurrence_is_remembered_for_8_days() -> None:
    """Then its evidence means nothing any more."""
    line = Line(tenant(max_attempts=1))
    line.ring()
    line.evidence("BUSY")
    line.wait(ENDED_MS / 1000 - 1)
    assert len(_keys(line, "r|")) == 1
    line.wait(1)
    assert _keys(line, "r|") == []


def test_an_occurrence_that_never_fired_is_forgotten_at_once() -> None:
    """Nobody can have evidence about it."""
    line = Line()
    line.text("Remind me to buy milk in 60 seconds")
    line.text("cancel 1")
    assert _keys(line, "r|") == []


def test_a_stranger_s_profile_is_forgotten_when_nothing_is_left_of_them() -> None:
    """35 days after its last change, and at most a week more; nothing at all stays but the tally."""
    line = Line(tenant(max_attempts=1))
    line.ring()
    line.evidence("BUSY")
    line.wait(BARE_MS / 1000 - DAY_S)
    assert _keys(line, "p|") != []
    line.wait((SLACK_MS + ENDED_MS) / 1000 + 2 * DAY_S)
    assert list(line.state.values) == ["c|acme"]


def test_a_profile_lives_as_long_as_a_reminder() -> None:
    """Two reminders never share a number while both are known."""
    line = Line()
    line.text("Remind me to renew my passport in 300 days")
    line.wait(299 * DAY_S)
    line.text("Remind me to buy milk in 60 seconds")
    assert sorted(value["number"] for _, value in line.state.scan("r|")) == [1, 2]


def test_an_opt_out_is_never_forgotten() -> None:
    """Ten years later the user is still not called."""
    line = Line()
    line.text("Remind me to buy milk in 60 seconds")
    line.text("STOP")
    line.wait(3_650 * DAY_S)
    assert kinds(line.text("Remind me to buy milk in 60 seconds")) == ["REFUSED"]
    line.text("START")
    line.wait((BARE_MS + SLACK_MS) / 1000 + 1)
    assert _keys(line, "p|") == []


def test_a_zone_and_a_confirmation_last_for_more_than_a_year() -> None:
    """A user who asks once a year need not say them again; who never comes back is forgotten."""
    for body in ("timezone Tokyo", "YES"):
        line = Line(tenant(confirm_first_contact=True))
        line.text(body)
        line.wait(SETTLED_MS / 1000 - 1)
        profile = line.state.get(f"p|acme|{THEIRS}")
        assert profile is not None
        assert profile["zone"] or profile["confirmed"]
        line.wait(SLACK_MS / 1000 + 1)
        assert _keys(line, "p|") == []


def test_a_busy_user_s_profile_timer_moves_once_a_week() -> None:
    """The store's order of timers is not touched by every SMS."""
    line, timers = Line(), set()
    for _ in range(28):
        line.text("Remind me to buy milk in 60 seconds")
        profile = line.state.get(f"p|acme|{THEIRS}")
        assert profile is not None
        timers.add(profile["wake_at"])
        assert profile["wake_at"] >= line.now_ms + BARE_MS
        line.wait(DAY_S)
    assert len(timers) <= 5


def test_the_store_stops_growing_under_steady_load() -> None:
    """A new user every day, every second of whom confirms and is called: the number of keys levels off."""
    size = {}
    days = (SETTLED_MS + SLACK_MS) // DAY_MS
    line = Line(tenant(confirm_first_contact=True, max_attempts=1))
    for day in range(days + 120):
        line.wait(DAY_S)
        line.theirs = f"+1415555{day:04d}"
        line.text("Remind me to buy milk in 60 seconds")
        if day % 2:
            line.text("YES")
        line.wait(60)
        if day % 2:
            line.evidence("BUSY")
        size[day] = len(line.state.values)
    assert size[days + 119] == size[days + 59], "still growing"
    # Every second user confirmed; beside them what 50 days of SMS and 8 days of occurrences leave, and a tally.
    assert size[days + 119] < days / 2 + 2 * 50 + 8 + 1
