"""Showing what happens: a live table on a terminal, else one line an event."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from infra.cli.output import clock, masked
from infra.cli.trace import Step

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

ROWS = 24


def line_of(step: Step) -> str:
    """One event as a line, phone numbers masked."""
    who = masked(step.user.replace("|", " ")) if step.user else "-"
    record = step.record
    return f"{clock(record.timestamp_ms)}  {who}  {masked(step.what)}  [{record.topic} {record.place}]"


class Board:
    """The newest events by user, and how many there were of each kind. `add` may be called from any thread."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._lock = threading.Lock()
        self._latest: OrderedDict[str, tuple[str, list[str]]] = OrderedDict()
        self._counts: dict[str, int] = {}

    def add(self, step: Step) -> None:
        kind = step.value["type"] if step.name == "ReminderEvent" else step.name
        with self._lock:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            if not step.user:
                return
            _, lines = self._latest.pop(step.user, ("", []))
            self._latest[step.user] = (clock(step.record.timestamp_ms), [*lines, masked(step.what)][-3:])
            while len(self._latest) > ROWS:
                self._latest.popitem(last=False)

    def table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            latest = list(self._latest.items())
            counts = ", ".join(f"{kind} {count}" for kind, count in sorted(self._counts.items()))
        table = Table(title=self._title, caption=counts or "nothing yet", expand=True)
        table.add_column("time (UTC)", no_wrap=True)
        table.add_column("user", no_wrap=True)
        table.add_column("what happened, newest last", ratio=1)
        for user, (at, lines) in reversed(latest):
            table.add_row(at, masked(user.replace("|", " ")), Text("\n".join(lines)))
        return table


@contextmanager
def live(render: Callable[[], Table]) -> Iterator[Live | None]:
    """A table that is drawn anew four times a second; None when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.live import Live

    with Live(
        get_renderable=render, console=Console(stderr=True), refresh_per_second=4, transient=False
    ) as shown:
        yield shown
