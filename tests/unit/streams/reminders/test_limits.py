"""Who is held back: floods, numbers that the tenant does not call, a day's worth of reminders."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.streams.reminders.line import NOON, Line, kinds, tenant

DAY_S, HOUR_S = 86_400, 3_600
ASK = "Remind me to buy milk in 2 hours"


def _reasons(facts: list[dict[str, Any]]) -> list[tuple[str, str | None, bool | None]]:
    return [(fact["type"], fact["reason"], fact["charged"]) for fact in facts]


REFUSED_AS_FLOOD = [("REFUSED", "flood", False)]


def test_a_flood_is_answered_once_and_then_held_back() -> None:
    """The SMS beyond the limit are refused and cost nothing; one of them is answered; after a minute it is over."""
    line = Line(tenant(flood_sms_per_minute=3))
    for _ in range(3):
        assert kinds(line.text(ASK)) == ["SCHEDULED"]
    answered = len(line.sms)
    for _ in range(50):
        assert _reasons(line.text(ASK)) == REFUSED_AS_FLOOD
    assert len(line.sms) == answered + 1
    assert "more than I can read" in line.said()
    line.wait(60)
    assert kinds(line.text(ASK)) == ["SCHEDULED"]


def test_texts_that_ask_for_nothing_flood_as_well() -> None:
    """What leaves no reminder is counted too."""
    line = Line(tenant(flood_sms_per_minute=3))
    counted = [line.text("list")[0]["type"] for _ in range(10)]
    assert counted == ["COMMAND_DONE"] * 3 + ["REFUSED"] * 7


def test_a_flood_that_goes_on_is_not_answered_every_minute() -> None:
    """Once an hour."""
    line = Line(tenant(flood_sms_per_minute=1))
    for _ in range(59):
        line.text("list")
        line.text("list")
        line.wait(60)
    assert sum("more than I can read" in sms["body"] for sms in line.sms) == 1


def test_the_words_that_always_count_are_not_held_back() -> None:
    """STOP in the middle of a flood, and from a number that is not called."""
    for fields in ({"flood_sms_per_minute": 1}, {"allowed_countries": ("GB",)}):
        line = Line(tenant(**fields))
        for _ in range(3):
            line.text(ASK)
        assert kinds(line.text("STOP")) == ["OPTED_OUT"]
        line.now_ms += 1
        assert kinds(line.text("START")) == ["OPTED_IN"]
        assert kinds(line.text("HELP")) == ["COMMAND_DONE"]


def test_a_backlog_that_is_read_at_once_is_no_flood() -> None:
    """Minutes are those in which the SMS were received, not those in which we come to read them."""
    line = Line(tenant(flood_sms_per_minute=2))
    for minute in range(60):
        assert kinds(line.text(ASK, received_at=NOON - (60 - minute) * 60_000)) == ["SCHEDULED"]


def test_a_backlog_that_is_read_out_of_order_is_no_flood() -> None:
    """Older minutes are not counted in the one that is open."""
    line = Line(tenant(flood_sms_per_minute=2))
    line.text(ASK)
    for minute in range(1, 10):
        assert kinds(line.text(ASK, received_at=NOON - minute * 60_000)) == ["SCHEDULED"]


def test_a_flood_does_not_make_the_state_grow() -> None:
    """But for the ids of its SMS, which any SMS leaves for 35 days."""
    line = Line(tenant(flood_sms_per_minute=2))
    for _ in range(5):
        line.text("list")
    profile = line.state.get(f"p|{line.user}")
    for _ in range(100):
        line.text("list")
    assert line.state.get(f"p|{line.user}") == profile
    assert {key[0] for key in line.state.values} == {"p", "m", "c"}
    tally = line.state.get("c|acme")
    assert tally is not None
    assert tally["refused"] == 103, "but every one is counted"


def test_no_limit_counts_nothing() -> None:
    """null is no limit, and costs no write."""
    line = Line(tenant(flood_sms_per_minute=None, allowed_countries=("*",), allowed_number_types=("*",)))
    for _ in range(200):
        assert kinds(line.text("list")) == ["COMMAND_DONE"]
    assert line.state.get(f"p|{line.user}") is None


@pytest.mark.parametrize(
    ("theirs", "fields", "called"),
    [
        ("+14155550101", {}, True),
        ("+442079460101", {}, False),
        ("+442079460101", {"country": "GB"}, True),
        ("+442079460101", {"numbers": ("+14155550100", "+442079460100")}, True),
        ("+14155550101", {"country": "GB", "numbers": ("+442079460100",)}, False),
        ("+442079460101", {"allowed_countries": ("DE", "GB")}, True),
        ("+14155550101", {"allowed_countries": ("DE", "GB")}, False),
        ("+4915112345678", {"allowed_countries": ("*",)}, True),
        ("+19005550101", {}, False),  # premium rate
        ("+18095550101", {}, False),  # the Dominican Republic, although +1
        ("+18095550101", {"allowed_countries": ("US", "DO")}, True),
        ("+18005550101", {}, False),  # toll free
        ("+18005550101", {"allowed_number_types": ("toll_free",)}, True),
        ("+15555550101", {}, False),  # of no plan
        ("+15555550101", {"allowed_number_types": ("unknown",)}, True),
        ("+80012345678", {"allowed_countries": ("*",)}, False),  # of no country
    ],
)
def test_only_numbers_of_allowed_countries_and_types_are_served(
    theirs: str, fields: dict[str, Any], called: bool
) -> None:
    """By default those of the tenant's own country and of its numbers', of types that people have."""
    line = Line(tenant(**fields), theirs=theirs)
    expected = ("SCHEDULED", None, True) if called else ("REFUSED", "not_allowed", False)
    assert _reasons(line.text(ASK)) == [expected]


def test_who_is_not_served_is_told_once_a_week() -> None:
    """Whatever is sent; the profile knows."""
    line = Line(tenant(), theirs="+442079460101")
    for _ in range(20):
        line.text(ASK)
        line.wait(HOUR_S)
    assert [sms["body"].startswith("Sorry, calls to this number") for sms in line.sms] == [True]
    line.wait(7 * DAY_S)
    line.text(ASK)
    assert len(line.sms) == 2


def test_a_premium_number_is_not_even_texted() -> None:
    """The answer itself would cost."""
    line = Line(tenant(), theirs="+19005550101")
    line.text(ASK)
    assert line.sms == []


def test_a_country_that_is_shut_meanwhile_is_not_called_any_more() -> None:
    """An operator who sees fraud changes the list, and what was scheduled ends, in writing and by SMS."""
    line = Line(tenant())
    line.text(ASK)
    other = Line(tenant(allowed_countries=("GB",)), state=line.state, now_ms=line.now_ms)
    (missed,) = other.wait(2 * HOUR_S)
    assert (missed["type"], missed["reason"]) == ("MISSED", "not_allowed")
    assert other.due == []
    assert "buy milk" in other.said()


def test_a_day_holds_so_many_reminders_of_a_user() -> None:
    """Exactly; what is asked beyond it is refused and told once; the next UTC day is another."""
    line = Line(tenant(reminders_per_user_per_day=3, flood_sms_per_minute=None))
    for _ in range(3):
        assert kinds(line.text(ASK)) == ["SCHEDULED"]
    told = len(line.sms)
    for _ in range(5):
        assert _reasons(line.text(ASK)) == [("REFUSED", "user_cap", False)]
    assert len(line.sms) == told + 1
    assert kinds(line.text("list")) == ["COMMAND_DONE"], "other commands go on"
    line.wait(12 * HOUR_S)
    assert kinds(line.text(ASK)) == ["SCHEDULED"]


def test_what_is_not_accepted_does_not_count_to_the_day() -> None:
    """Questions back are not reminders."""
    line = Line(tenant(reminders_per_user_per_day=1))
    for _ in range(5):
        line.text("Remind me to buy milk")
    assert kinds(line.text(ASK)) == ["SCHEDULED"]


def test_a_snooze_of_a_call_counts_to_the_day_and_one_of_a_plan_does_not() -> None:
    """A new occurrence is a new call; moving one that has not rung is not."""
    line = Line(tenant(reminders_per_user_per_day=2))
    line.ring()
    assert kinds(line.text("snooze 1 for 2 hours")) == ["CANCEL_ASKED", "CHANGED", "COMMAND_DONE"]
    for _ in range(3):
        assert kinds(line.text("snooze 1 for 3 hours")) == ["CHANGED", "COMMAND_DONE"]
    line.wait(3 * HOUR_S)
    assert _reasons(line.text("snooze 1 for 1 hour")) == [("REFUSED", "user_cap", False)]
