"""The words of a language as lookup tables, loaded from a TOML file beside this module.

`english.toml` shows the shape; a new language is a new file. Tables are built once at import, so that reading
a text costs dictionary lookups only.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def _invert(table: dict[str, list[str]]) -> dict[str, str]:
    return {word: meaning for meaning, words in table.items() for word in words}


def _invert_int(table: dict[str, list[str]]) -> dict[str, int]:
    return {word: int(meaning) for meaning, words in table.items() for word in words}


class Vocabulary:
    """Words of one language: dictionaries from a lower-case word to its meaning, sets of function words.

    `trigger` maps a first word to the longer-first word sequences that start with it.
    """

    def __init__(self, data: dict[str, Any]) -> None:  # noqa: PLR0915 - one line a table
        words: dict[str, list[str]] = data["words"]
        frame: dict[str, Any] = data["frame"]
        commands: dict[str, list[str]] = data["commands"]
        self.name: str = data["name"]
        self.keyword = _invert(data["keywords"])
        self.number: dict[str, int] = data["numbers"]
        self.ordinal: dict[str, int] = data["ordinals"]
        self.unit = _invert(data["units"])
        self.weekday = _invert_int(data["weekdays"])
        self.weekday_plural = _invert_int(data["weekdays_plural"])
        self.month = _invert_int(data["months"])
        self.day = _invert_int(data["days"])
        self.part = _invert(data["parts"])
        self.part_today = _invert(data["parts_today"])
        self.am_pm = _invert(data["am_pm"])
        self.recurring: dict[str, str] = data["recurring"]
        self.holiday: dict[str, list[int]] = data["holidays"]

        self.oclock = frozenset(words["oclock"])
        self.half = frozenset(words["half"])
        self.quarter = frozenset(words["quarter"])
        self.past = frozenset(words["past"])
        self.to = frozenset(words["to"])
        self.next = frozenset(words["next"])
        self.this = frozenset(words["this"])
        self.last = frozenset(words["last"])
        self.every = frozenset(words["every"])
        self.other = frozenset(words["other"])
        self.weekdays = frozenset(words["weekday_plural"])
        self.weekend = frozenset(words["weekend"])
        self.within = frozenset(words["in"])
        self.later = frozenset(words["later"])
        self.article = frozenset(words["article"])
        self.preposition = frozenset(words["preposition"])
        self.loose_preposition = frozenset(words["loose_preposition"])
        self.any_preposition = self.preposition | self.loose_preposition
        self.not_the_moment = frozenset(words["not_the_moment"])
        self.determiner = frozenset(words["determiner"])

        self.polite = frozenset(frame["polite"])
        self.closing = frozenset(frame["closing"])
        self.trigger = _phrases(frame["trigger"])
        self.question = frozenset(frame["question"])

        self.list_words = frozenset(commands["list_words"])
        self.list_heads = frozenset(commands["list_heads"])
        self.cancel = frozenset(commands["cancel"])
        self.cancel_fillers = frozenset(commands["cancel_fillers"])
        self.snooze = frozenset(commands["snooze"])
        self.snooze_fillers = frozenset(commands["snooze_fillers"])
        self.timezone = _phrases(commands["timezone"])
        self.timezone_before = frozenset(commands["timezone_before"])
        self.timezone_after = frozenset(commands["timezone_after"])
        self.again = frozenset(commands["again"])

        # Words at which a time expression may begin; everything else is skipped with one lookup.
        self.starts_time: frozenset[str] = frozenset().union(
            self.number, self.ordinal, self.weekday, self.weekday_plural, self.month, self.day, self.part,
            self.part_today, self.recurring, self.holiday, self.half, self.quarter, self.next, self.this,
            self.last, self.every, self.weekdays, self.weekend, self.within, self.any_preposition,
            self.article, {"the", "day", "same", "eod", "eow", "eom", "end", "cob", "later", "once", "first"},
        )  # fmt: skip
        # Words that may follow "at 6" without making the 6 a count of something.
        self.after_number: frozenset[str] = frozenset(words["after_number"]).union(
            self.day, self.weekday, self.weekday_plural, self.part_today, self.month, self.every,
            self.closing, self.part, self.recurring, self.weekdays,
        )  # fmt: skip


def _phrases(phrases: Iterable[str]) -> dict[str, list[tuple[str, ...]]]:
    """Word sequences by their first word, longest first."""
    table: dict[str, list[tuple[str, ...]]] = {}
    for phrase in sorted({tuple(p.split()) for p in phrases}, key=len, reverse=True):
        table.setdefault(phrase[0], []).append(phrase)
    return table


def load(name: str) -> Vocabulary:
    """The vocabulary in `{name}.toml` of this folder; FileNotFoundError when there is none."""
    return Vocabulary(tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")))


ENGLISH = load("english")
