"""Names of zones as people write them, and instants as people say them."""

from __future__ import annotations

import json
from datetime import datetime
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from streams.phrases import When, find_zone, say_when
from streams.phrases.resolve import MONTH_FIRST
from streams.phrases.vocabulary import ENGLISH
from streams.phrases.zones import _ABBREVIATIONS, _NAMES, zone_of


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("america/new york", "America/New_York"),
        ("Berlin", "Europe/Berlin"),
        (" berlin time. ", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("San Francisco", "America/Los_Angeles"),
        ("PST", "America/Los_Angeles"),
        ("pacific time", "America/Los_Angeles"),
        ("Eastern Standard Time", "America/New_York"),
        ("IST", "Asia/Kolkata"),
        ("jst", "Asia/Tokyo"),
        ("US/Pacific", "US/Pacific"),
        ("UTC", "UTC"),
        ("UTC+2", "+02:00"),
        ("GMT-5", "-05:00"),
        ("+05:30", "+05:30"),
        ("utc +0530", "+05:30"),
        ("Portland, Oregon", "America/Los_Angeles"),
        ("nowhere", None),
        ("UTC+99", None),
        ("", None),
        (" . ", None),
        ("x" * 10_000, None),
    ],
)
def test_find_zone(name: str, zone: str | None) -> None:
    """IANA names in any case, cities, abbreviations, offsets; None for what we do not know."""
    assert find_zone(name) == zone


def test_every_zone_in_the_data_exists() -> None:
    """A typing error in zones.toml is caught here."""
    for zone in {*_ABBREVIATIONS.values(), *_NAMES.values()}:
        assert zone_of(zone) is not None


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-11-21T18:30", "today at 6:30 PM"),
        ("2026-11-21T10:00:05", "today at 10:00:05 AM"),
        ("2026-11-21T11:00:05", "today at 11:00 AM"),
        ("2026-11-22T00:00", "tomorrow at 12:00 AM"),
        ("2026-11-22T12:00", "tomorrow at 12:00 PM"),
        ("2026-11-27T09:00", "Fri Nov 27 at 9:00 AM"),
        ("2027-11-27T09:00", "Sat Nov 27, 2027 at 9:00 AM"),
    ],
)
def test_say_when(at: str, said: str) -> None:
    """Short, twelve-hour, seconds only where they matter, the year only far away."""
    zone = ZoneInfo("America/New_York")
    now = int(datetime(2026, 11, 21, 10, 0, tzinfo=zone).timestamp() * 1000)
    assert (
        say_when(int(datetime.fromisoformat(at).replace(tzinfo=zone).timestamp() * 1000), now, zone) == said
    )


def test_when_is_the_avro_record() -> None:
    """Field for field, with the same defaults: the class and schemas/request.avsc cannot drift apart."""
    schema = json.loads((files("schemas") / "request.avsc").read_text(encoding="utf-8"))
    record = next(field for field in schema["fields"] if field["name"] == "when")["type"][1]
    assert {field["name"]: field["default"] for field in record["fields"]} == When().to_record()


def test_vocabulary_is_lower_case() -> None:
    """The reader looks words up in lower case: an upper-case entry would be dead."""
    for table in (ENGLISH.unit, ENGLISH.weekday, ENGLISH.month, ENGLISH.day, ENGLISH.keyword, _NAMES):
        assert all(word == word.lower() for word in table)
    assert all(len(country) == 2 and country.isupper() for country in MONTH_FIRST)
