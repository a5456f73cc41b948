"""Words that stand alone are the carriers' own and win over every other reading."""

from __future__ import annotations

import pytest

from streams.phrases import Command, read

STOPS = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"]
ALONE = [
    *((word, "stop") for word in STOPS),
    ("START", "start"),
    ("UNSTOP", "start"),
    ("YES", "yes"),
    ("HELP", "help"),
    ("INFO", "help"),
]


@pytest.mark.parametrize(("word", "name"), ALONE)
@pytest.mark.parametrize(
    "dress", ["{}", " {} ", "{}.", "{}!!!", '"{}"', "\n{}\n", "({})", "\u200b{} 🙏", "***{}"]
)
def test_a_word_alone_counts_in_any_case_and_dress(word: str, name: str, dress: str) -> None:
    """Signs and spaces around it do not matter."""
    for form in (word, word.lower(), word.capitalize()):
        assert read(dress.format(form)) == Command(name)


@pytest.mark.parametrize(
    "text", ["stop the oven at 5pm", "yes at 5pm we meet", "cancel gym at 6pm", "end of shift at 5pm"]
)
def test_the_same_words_in_a_sentence_are_a_sentence(text: str) -> None:
    """Nobody is opted out by a reminder that begins with one of the words."""
    assert read(text).name == "remind"


@pytest.mark.parametrize("text", ["y", "yep", "yes please", "stopping", "starting", "no", "stop start"])
def test_what_is_near_a_keyword_is_not_one(text: str) -> None:
    """Consent and its end are never guessed."""
    assert read(text).name == "unreadable"


@pytest.mark.parametrize(
    "text", ["", " ", "\n\t", "\x00", "\u200b", "…", "🙂", "1", "a" * 1601, "\ud800", "5pm"]
)
def test_nothing_to_read_is_unreadable(text: str) -> None:
    """Empty, signs only, too long, broken Unicode."""
    assert read(text).name == "unreadable"


def test_opt_out_in_two_words_is_an_opt_out() -> None:
    """47 CFR 64.1200(a)(10) names "opt out" beside the carriers' words."""
    assert read("Opt out") == read("opt-out.") == Command("stop")
