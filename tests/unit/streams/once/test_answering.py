"""Who hears the words: the machine alone, one answer at a time."""

from __future__ import annotations

from typing import Any

import pytest

from streams.ids import CallKey
from streams.once.answering import (
    MAX_ASKED,
    ComeAgain,
    GiveWords,
    HangUp,
    ReadGate,
    Sorry,
    WhichLife,
    Words,
    WriteAnswered,
    pick_up,
    step,
)
from streams.once.effects import Unavailable
from streams.once.gate import GateEntry, Say

KEY, SID, NUMBER = CallKey("r1", 1_000, 1, 1), "CA1", "+14155550101"
SAY = Say(f"acme|{NUMBER}", "buy milk", "de", "acme")
GATE = GateEntry(str(KEY), 1, gated=True, finished=False, say=SAY)
GIVE = GiveWords(str(KEY.occurrence), SID, "life-1")
RIGHT: list[Any] = ["life-1", GATE, SID, True, SID, GATE]


def after(answers: list[Any], asked: int = 0) -> Any:
    """What is wanted when these answers have come."""
    picked, wanted = pick_up(KEY, SID, NUMBER, asked)
    following: Any = wanted
    for answer in answers:
        picked, following = step(picked, answer)
    return following


def test_the_words_come_last() -> None:
    """Life, gate, words, ANSWERED, words and gate again; then they are said."""
    wanted = [after(RIGHT[:n]) for n in range(len(RIGHT) + 1)]
    gate = ReadGate(str(KEY))
    assert wanted == [WhichLife(), gate, GIVE, WriteAnswered(SAY), GIVE, gate, Words(SAY)]


@pytest.mark.parametrize("at", [0, 1, 2, 4, 5])
def test_a_server_that_is_away_delays_the_words(at: int) -> None:
    """At any question: come again, three times, then an apology in the words' language, if that is known."""
    away = [*RIGHT[:at], Unavailable("away")]
    assert after(away) == ComeAgain("gate_away")
    assert after(away, MAX_ASKED) == Sorry("gate_away_given_up", "de" if at > 1 else "en")


@pytest.mark.parametrize("nobody", [None, GateEntry(str(KEY), 1, False, False, SAY)])
def test_a_gate_that_was_not_passed_has_no_words(nobody: GateEntry | None) -> None:
    """Perhaps it is being filled; at the end it is no call of ours."""
    assert after(["life-1", nobody]) == ComeAgain("unknown_call")
    assert after(["life-1", nobody], MAX_ASKED) == HangUp("unknown_call_given_up")


def test_another_call_and_another_number_hear_nothing() -> None:
    """The words belong to the first sid, and to the reminder's user."""
    assert after(["life-1", GATE, "CA2"]) == HangUp("other_call")
    stranger = Say("acme|+14155550199", "buy milk", "de", "acme")
    assert after(["life-1", GateEntry(str(KEY), 1, True, False, stranger)]) == HangUp("wrong_number")


def test_no_words_without_a_confirmed_answered() -> None:
    """It may be written all the same; the call asks again, and is told then."""
    assert after([*RIGHT[:3], False]) == ComeAgain("not_stored")
    assert after([*RIGHT[:3], False], MAX_ASKED) == Sorry("not_stored_given_up", "de")


@pytest.mark.parametrize("changed", [["CA2"], [SID, None], [SID, GateEntry(str(KEY), 1, True, False, None)]])
def test_a_gate_that_has_changed_is_asked_again(changed: list[Any]) -> None:
    """Another call has the words now, or the gate is gone: from the beginning."""
    assert after([*RIGHT[:4], *changed]) == ComeAgain("gate_changed")
