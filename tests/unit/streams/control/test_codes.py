"""The table of the carrier's codes, and what the stages make of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streams.once.carrier import NotSent, Refused, Unknown
from streams.once.carrier_codes import TABLE, Then, decide, parse
from streams.once.outcome import outcome
from streams.reminders.words import TEXTS
from tests.unit.streams.reminders.line import Line, kinds, tenant


def rung(**fields: object) -> Line:
    line = Line(tenant(max_attempts=3, **fields))
    line.text("Remind me to buy milk in 1 minute")
    line.wait(60)
    line.evidence("CLAIMED")
    return line


def code_of(then: Then) -> int:
    return next(code for code, row in TABLE.items() if row.then == then)


def test_every_text_of_the_table_is_a_template_in_every_language() -> None:
    """A refused call cannot end in a KeyError."""
    wanted = {row.text for row in TABLE.values() if row.text}
    assert wanted
    for language, texts in TEXTS.items():
        assert wanted <= set(texts), language


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ('{ code = 1, then = "tell", meaning = "" }', "text"),
        ('{ code = 1, then = "hold", text = "x", meaning = "" }', "text"),
        ('{ code = 1, then = "panic", meaning = "" }', "then"),
        ('{ code = 1, then = "hold", meaning = "" }, { code = 1, then = "retry", meaning = "" }', "twice"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(row: str, wrong: str) -> None:
    """The start fails, not the first call."""
    with pytest.raises(ValueError, match=wrong):
        parse(f"codes = [{row}]")


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (21211, "FAILED"),
        (99999, "FAILED"),
        (400, "FAILED"),
        (20003, "NOT_SENT"),
        (401, "NOT_SENT"),
        (10004, "NOT_SENT"),
    ],
)
def test_what_is_not_the_users_fault_costs_no_attempt(code: int, state: str) -> None:
    """Account, credentials, a full carrier: the same attempt again. Anything else, and anything unknown: it failed."""
    assert outcome(Refused(code, "no")).state == state


def test_a_plain_http_status_is_numbered_as_the_carrier_does() -> None:
    """So 404 is never taken for another kind of 404."""
    assert outcome(Refused(403, "no")).code == 20403
    assert decide(403) is TABLE[20403]


def test_other_results_carry_no_code() -> None:
    """Only the carrier's no has one."""
    assert outcome(NotSent("refused")).code is None
    assert outcome(Unknown("timeout")).code is None


def test_a_number_that_cannot_be_called_is_given_up_at_once_and_told_why() -> None:
    """No second and third call to a number that does not exist."""
    line = rung()
    (fact,) = line.evidence("FAILED", None, code=21211)
    assert (fact["type"], fact["attempt"]) == ("GAVE_UP", 1)
    assert line.said().startswith("I cannot reach this number by phone")
    assert "buy milk" in line.said()
    assert line.wait(86_400) == []


def test_a_code_that_gives_up_without_a_text_says_what_the_call_would_have_said() -> None:
    """Nothing is silent."""
    line = rung()
    (fact,) = line.evidence("FAILED", None, code=code_of("give_up"))
    assert fact["type"] == "GAVE_UP"
    assert line.said().startswith("We tried to call you")


@pytest.mark.parametrize("code", [None, 99999, 21220])
def test_any_other_refusal_is_followed_by_the_next_attempt(code: int | None) -> None:
    """As after BUSY; also evidence of an older writer, which has no code."""
    line = rung()
    assert line.evidence("FAILED", None, code=code) == []
    assert kinds(line.wait(3_600)) == ["FIRED"]
    assert (line.due[-1]["attempt"], line.due[-1]["try"]) == (2, 1)


def test_a_suspended_account_uses_no_attempts_and_asks_seldom() -> None:
    """The same attempt, within its grace, about every half minute; then an SMS."""
    line = rung()
    while line.kinds()[-1] == "FIRED":
        assert line.evidence("NOT_SENT", code=20003) == [] or line.kinds()[-1] == "MISSED"
        line.wait(60)
        if line.kinds()[-1] == "FIRED":
            line.evidence("CLAIMED")
    tries = [due["try"] for due in line.due]
    assert {due["attempt"] for due in line.due} == {1}
    assert tries == sorted(tries)
    assert len(tries) <= 30
    assert line.kinds()[-1] == "MISSED"


def test_called_off_counts_before_the_code() -> None:
    """Who cancelled is not told that the number is wrong."""
    line = rung()
    line.text("cancel 1")
    assert kinds(line.evidence("FAILED", None, code=21211)) == ["CANCELLED"]


def test_the_page_for_operators_lists_every_code() -> None:
    """In the row of what follows, and no code that the table does not have."""
    page = (Path(__file__).parents[4] / "connectors/carrier/README.md").read_text()
    shown: dict[int, str] = {}
    for then, codes in re.findall(r"^\| `([a-z_, ]+)` \|.*\| ([0-9! ]+) \|$", page, re.MULTILINE):
        shown |= dict.fromkeys(map(int, codes.replace("!", "").split()), then)
    wanted = {row.code: row.then + (", account" if row.account else "") for row in TABLE.values()}
    assert shown == wanted
