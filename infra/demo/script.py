"""What the demo's users text, and what must come of it. Data: the expected results are computed from this.

A line that depends on another is sent when the outcome of that one was seen, for SMS that lie in different
partitions have no order. Clock times are filled in when the line is sent, so that they are due within seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

Via = Literal["topic", "webhook"]

# What somebody does who does not pick up the first time; after_s keeps the ringing short.
NOT_AT_FIRST: tuple[dict[str, Any], ...] = ({"outcome": "no-answer", "after_s": 1.0}, {"outcome": "answer"})

# Somebody who presses "done" when they have heard it.
DONE: tuple[dict[str, Any], ...] = ({"outcome": "answer", "digits": ["1"]},)


@dataclass(frozen=True, slots=True)
class User:
    """`tenant`: its place in the tenants file. `calls`: what each call to this user comes to; else they answer."""

    name: str
    tenant: int
    calls: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One SMS. `{clock}` and `{date}` in the text become the time `due_s` seconds after sending, in `zone`.

    `outcome` is the fact that it must end in, `charged` whether the SMS is; `calls` how often the reminder rings,
    the last time answered. `called_off_by` names the line that cancels the reminder: if that came into force in
    time, nothing rings. `copy_of` delivers another line's SMS once more.
    """

    name: str
    user: str
    text: str
    outcome: str = "SCHEDULED"
    charged: bool = True
    via: Via = "topic"
    due_s: int | None = None
    zone: str | None = None
    calls: int = 0
    after: str | None = None
    called_off_by: str | None = None
    copy_of: str | None = None

    def body(self, sent_at: datetime) -> str:
        """The text as sent at `sent_at` (aware)."""
        if self.zone is None or self.due_s is None:
            return self.text
        due = due_of_clock(self, sent_at)
        return self.text.format(clock=f"{due:%I:%M:%S %p}".lstrip("0"), date=f"{due:%b} {due.day} {due.year}")


def due_of_clock(line: Line, sent_at: datetime) -> datetime:
    """The whole second that a clock time in this line names."""
    assert line.due_s is not None
    assert line.zone is not None
    due = sent_at.astimezone(ZoneInfo(line.zone)) + timedelta(seconds=line.due_s)
    return due.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Script:
    users: tuple[User, ...]
    lines: tuple[Line, ...]
    by_name: dict[str, Line] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_name.update({line.name: line for line in self.lines})


DEMO = Script(
    users=(
        User("ana", 0, DONE),
        User("ben", 0),
        User("cleo", 0),
        User("dai", 1),
        User("eva", 1),
        User("finn", 0, NOT_AT_FIRST),
        User("gus", 1),
    ),
    lines=(
        Line("milk", "ana", "Remind me to buy milk in 5 seconds", due_s=5, calls=1, via="webhook"),
        Line(
            "dentist",
            "ben",
            "Remind {date} at {clock} about the dentist",
            due_s=8,
            zone="America/Los_Angeles",
            calls=1,
        ),
        Line("noise", "cleo", "purple monkey dishwasher", outcome="ASKED_BACK"),
        Line("help", "cleo", "HELP", outcome="COMMAND_DONE", charged=False),
        Line("zone", "dai", "timezone Asia/Tokyo", outcome="COMMAND_DONE"),
        Line(
            "grandma",
            "dai",
            "Remind me to call grandma at {clock}",
            due_s=7,
            zone="Asia/Tokyo",
            calls=1,
            after="zone",
        ),
        Line(
            "plants",
            "eva",
            "Remind me to water the plants in 10 seconds",
            due_s=10,
            calls=1,
            called_off_by="cancel",
        ),
        Line("cancel", "eva", "cancel 1", outcome="COMMAND_DONE", after="plants"),
        Line("pills", "finn", "Remind me in 4 seconds to take my pills", due_s=4, calls=2),
        Line(
            "yoga",
            "gus",
            "Remind me about yoga in 9 seconds",
            due_s=9,
            calls=1,
            called_off_by="stop",
        ),
        Line("stop", "gus", "STOP", outcome="OPTED_OUT", charged=False, after="yoga"),
        Line("list", "ana", "list", outcome="COMMAND_DONE", after="milk"),
        Line("again", "ana", "", copy_of="milk", after="milk", outcome="", charged=False),
    ),
)
