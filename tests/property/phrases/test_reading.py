"""What holds for every text: reading never fails, invents nothing, takes linear time; what we say we can read."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from types import FrameType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.phrases import Command, When, read, resolve, say_when
from streams.phrases.read import MAX_CHARACTERS

NAMES = {"remind", "list", "cancel", "snooze", "timezone", "help", "stop", "start", "yes", "unreadable"}
ZONES = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Cairo",
]
SPEECH = (
    "remind me to about buy milk at 6 6:30 pm tomorrow next friday in 20 minutes every monday the 25th Nov 11/25 "
    "half past quarter noon a an and of , . : - ( ) 2 4 for snooze cancel timezone EST UTC +2 from now later day after "
    "this evening tonight 18h30 630pm 1h30m first last month week until 5-6pm @ # 🥛 2moro it's to"
)
WORDS = SPEECH.split()
RECEIVED = st.integers(0, 4_000_000_000_000)
SAID = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
TEXTS = st.one_of(st.text(max_size=200), SAID, st.lists(st.sampled_from(WORDS), max_size=25).map("".join))


def signs(text: str) -> list[str]:
    return [sign for sign in text if not sign.isspace()]


@given(TEXTS)
def test_reading_never_fails_and_invents_nothing(text: str) -> None:
    """The subject's characters stand in the text in the same order; only a reminder has a subject."""
    command = read(text)
    assert command.name in NAMES
    if command.subject is None:
        return
    assert command.name == "remind"
    if command.subject in ("wake up", "alarm", "timer"):
        return
    remaining = iter(signs(text))
    assert all(sign in remaining for sign in signs(command.subject))


@given(TEXTS, RECEIVED, st.sampled_from(ZONES), st.sampled_from(["US", "DE"]))
def test_what_was_read_is_never_due_in_the_past(text: str, received_at: int, zone: str, country: str) -> None:
    """Either an instant after receipt or a reason, never both."""
    command = read(text)
    if command.when is None:
        return
    resolution = resolve(command.when, received_at, zone, country)
    assert (resolution.due_at is None) != (resolution.reason is None)
    assert resolution.due_at is None or resolution.due_at > received_at


@given(
    st.builds(
        When,
        in_days=st.none() | st.integers(-(10**6), 10**6),
        in_months=st.none() | st.integers(-2000, 2000),
        month=st.none() | st.integers(-1, 14),
        day=st.none() | st.integers(-2, 40),
        year=st.none() | st.integers(-5, 20_000),
        weekday=st.none() | st.integers(0, 6),
        weeks_ahead=st.none() | st.integers(0, 5),
        hour=st.none() | st.integers(-1, 30),
        minute=st.none() | st.integers(-1, 70),
        in_seconds=st.none() | st.integers(-(10**18), 10**18),
        twelve_hour=st.booleans(),
        keep_time=st.booleans(),
        numeric_date=st.booleans(),
    ),
    RECEIVED,
    st.sampled_from(ZONES),
)
def test_any_record_resolves_or_says_why_not(when: When, received_at: int, zone: str) -> None:
    """A record from another writer may hold nonsense: no exception, nothing in the past."""
    due_at = resolve(when, received_at, zone).due_at
    assert due_at is None or due_at > received_at


@given(st.integers(0, 290 * 1440), RECEIVED, st.sampled_from(ZONES))
def test_what_we_say_can_be_sent_back(minutes: int, received_at: int, zone: str) -> None:
    """The words of an acknowledgement, texted as a reminder, give the same wall time."""
    due_at = (received_at // 60_000 + 1 + minutes) * 60_000
    place = ZoneInfo(zone)
    local = datetime.fromtimestamp(due_at // 1000, UTC).astimezone(place)
    if local.fold or local.second:
        return  # the second of two equal wall times cannot be said in these words
    said = say_when(due_at, received_at, zone)
    if re.search(r":\d\d:\d\d", said):
        return
    command = read(f"Remind me to feed the cat {said}")
    assert command.subject == "feed the cat"
    assert command.when is not None
    resolution = resolve(command.when, received_at, zone)
    assert resolution.due_at is not None
    assert datetime.fromtimestamp(resolution.due_at / 1000, place) == local


def calls_of(text: str) -> int:
    """Function calls, Python's and C's, that one reading takes: a measure of work that no busy machine disturbs."""
    count = 0

    def profile(_frame: FrameType, _event: str, _argument: Any) -> None:
        nonlocal count
        count += 1

    sys.setprofile(profile)
    try:
        read(text)
    finally:
        sys.setprofile(None)
    return count


HOSTILE = [
    *(f"{word} " for word in WORDS),
    "1h ", "1 hour and ", "mon, ", "monday or ", "every ", "every single ", "next ", "this next ", "5pm (", "at 5 to ",
    "call me ", "remind me at ", "a half ", "half past ", "11/25/", "1:", "1.", "twenty ", "in the next ", "(",
    "on the ",    "a.m. ", "'", "the last ", "remind ", "5pm-", "5-", "cancel ", "please ", "tz ", "stop ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("lead", ["", "remind me to ", "at ", "snooze "])
def test_work_grows_with_the_text_and_no_faster(piece: str, lead: str) -> None:
    """Twice the text is at most 2.6 times the work, for every word that a matcher knows, repeated."""
    half, full = (
        lead + piece * (size // len(piece)) for size in (MAX_CHARACTERS // 2 - 20, MAX_CHARACTERS - 20)
    )
    assert calls_of(full) <= 2.6 * calls_of(half) + 200
    assert calls_of(full) <= 400 * MAX_CHARACTERS


def test_a_text_beyond_the_carriers_limit_is_unreadable() -> None:
    """Nothing is cut off silently."""
    assert read("x" * MAX_CHARACTERS + "y") == Command("unreadable")
