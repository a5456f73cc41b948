"""From the name of a time zone as people write it to an IANA name or a fixed offset such as "+02:00"."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from streams.phrases.tokens import Tokens
from streams.phrases.vocabulary import FOLDER

_DATA = tomllib.loads((FOLDER / "zones.toml").read_text(encoding="utf-8"))
_ABBREVIATIONS: dict[str, str] = _DATA["abbreviations"]
_NAMES: dict[str, str] = _DATA["names"]
_OFFSET = re.compile(r"(?:utc|gmt|z)? ?([+\-−]) ?(\d{1,2})(?::?(\d{2}))?")
_FIXED = re.compile(r"([+-])(\d\d):(\d\d)")
_TAIL = re.compile(r"[\s,]*\b(?:standard|daylight|summer|time|timezone|zone|tz)\b[\s.!]*$")


@cache
def _iana() -> dict[str, str]:
    """IANA names and the last part of each, lower case, spaces for underscores. Read from disk once."""
    names: dict[str, str] = {}
    for name in sorted(available_timezones()):
        low = name.lower()
        area, _, city = low.rpartition("/")
        if city and area not in ("", "etc", "us", "canada", "brazil", "mexico", "chile", "posix", "right"):
            names.setdefault(city.replace("_", " "), name)
    for name in available_timezones():
        names[name.lower()] = name
        names[name.lower().replace("_", " ")] = name
    return names


def find_zone(name: str) -> str | None:
    """The IANA name (or fixed offset "+02:00") of a zone named by a person; None when we do not know it.

    Takes IANA names in any case, cities, countries of one zone, abbreviations, "UTC+2", "GMT-05:30".
    """
    low = " ".join(name[:100].lower().replace("_", " ").split()).strip(" .,!?;:\"'()")
    for _ in range(3):
        if not low:
            return None
        found = _ABBREVIATIONS.get(low) or _NAMES.get(low) or _fixed_offset(low) or _iana().get(low)
        if found is not None:
            return found
        if "," in low and (found := find_zone(low.split(",", 1)[0])) is not None:
            return found  # "Portland, Oregon"
        shorter = _TAIL.sub("", low)
        if shorter == low:
            break
        low = shorter
    return None


def _fixed_offset(low: str) -> str | None:
    found = _OFFSET.fullmatch(low)
    if found is None:
        return None
    hours, minutes = int(found[2]), int(found[3] or 0)
    if hours > 14 or minutes > 59:
        return None
    return f"{'+' if found[1] == '+' else '-'}{hours:02}:{minutes:02}"


@cache
def zone_of(name: str) -> tzinfo:
    """The tzinfo of an IANA name or a fixed offset; ValueError when there is none."""
    fixed = _FIXED.fullmatch(name)
    if fixed is not None:
        offset = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return timezone(offset if fixed[1] == "+" else -offset)
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as unknown:
        raise ValueError(f"unknown time zone {name!r}") from unknown


def zone_after_clock(t: Tokens, i: int) -> tuple[str, int] | None:
    """A zone right behind a time of day: "EST", "UTC+2", "eastern time", "Berlin time", "Z", "+01:00"."""
    words = t.words
    word = words[i]
    if word == "(" and words[i + 1] != "(":
        inner = zone_after_clock(t, i + 1)
        return (inner[0], inner[1] + 1) if inner is not None and words[inner[1]] == ")" else None
    if word in ("utc", "gmt", "z") or (word in ("+", "-") and t.glued(i)):
        at = i if word in ("+", "-") else i + 1
        if words[at] in ("+", "-") and words[at + 1].isdigit() and t.glued(at + 1):
            end = at + 2
            if words[end] == ":" and t.glued(end) and len(words[end + 1]) == 2:
                end += 2
            offset = _fixed_offset(t.span(at, end))
            if offset is not None and (word not in ("+", "-") or len(words[at + 1]) >= 2):
                return offset, end
        if word in ("utc", "gmt") or (word == "z" and t.glued(i)):
            return _ABBREVIATIONS[word], _time_word(t, i + 1)
        return None
    zone = _ABBREVIATIONS.get(word)
    if zone is not None:
        surely = t.text[t.starts[i] : t.ends[i]].isupper() or word not in (
            "cat",
            "art",
            "wat",
            "eat",
            "ct",
            "mt",
            "pt",
        )
        return (zone, _time_word(t, i + 1)) if surely else None
    zone = _NAMES.get(word)
    if zone is not None and word in ("eastern", "central", "mountain", "pacific"):
        end = _time_word(t, i + 1)
        following = words[end]
        return (zone, end) if end > i + 1 or not following.isalpha() or following in ("to", "about") else None
    return _place(t, i)


def _place(t: Tokens, i: int) -> tuple[str, int] | None:
    """A city or country of one to three words, only with "time" behind it."""
    words = t.words
    at = i + 1 if words[i] == "in" else i
    for length in (1, 2, 3):
        if not words[at + length - 1].isalpha():
            return None
        if words[at + length] == "time":
            name = " ".join(words[at : at + length])
            zone = _NAMES.get(name) or _iana().get(name)
            return (zone, at + length + 1) if zone is not None else None
    return None


def _time_word(t: Tokens, i: int) -> int:
    if t.words[i] in ("standard", "daylight", "summer"):
        i += 1
    return i + 1 if t.words[i] == "time" else i
