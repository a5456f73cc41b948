"""The corpus of real-life texts: each line of corpus.toml reads as a person would."""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from streams.phrases import Command, find_zone, read, resolve

NEW_YORK = ZoneInfo("America/New_York")
RECEIVED_AT = int(datetime(2026, 11, 21, 10, 0, tzinfo=NEW_YORK).timestamp() * 1000)
CORPUS: dict[str, list[list[Any]]] = tomllib.loads((Path(__file__).parent / "corpus.toml").read_text("utf-8"))


def due(command: Command) -> str:
    """Local wall time without seconds that are zero, the reason, or "" where nothing was said of time."""
    if command.when is None:
        return ""
    resolution = resolve(command.when, RECEIVED_AT, NEW_YORK)
    if resolution.due_at is None:
        return resolution.reason or ""
    local = datetime.fromtimestamp(resolution.due_at / 1000, NEW_YORK)
    return local.strftime("%Y-%m-%dT%H:%M:%S").removesuffix(":00")


@pytest.mark.parametrize("line", CORPUS["remind"], ids=lambda line: line[0])
def test_a_reminder_says_what_and_when(line: list[str]) -> None:
    """Subject verbatim without the time words, the instant meant, and the rule where it repeats."""
    command = read(line[0])
    assert command.name == "remind"
    assert (command.subject or "", due(command)) == (line[1], line[2])
    assert (command.when.rule if command.when else None) == (line[3] if len(line) > 3 else None)


@pytest.mark.parametrize("line", CORPUS["other"], ids=lambda line: line[0])
def test_other_commands_take_the_whole_text(line: list[Any]) -> None:
    """Name, number, zone and time of the commands that are not reminders."""
    command = read(line[0])
    assert [command.name, command.number or 0, command.zone or "", due(command)] == line[1:]
    if command.zone:
        assert find_zone(command.zone) is not None
