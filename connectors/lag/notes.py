"""The timer stream's state, from what its members commit beside their offsets (streams/runtime/note.py)."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.lag.snapshot import Snapshot
from streams.runtime.note import Note
from streams.topology import REMINDERS


def notes(snapshot: Snapshot) -> Iterator[tuple[int, Note]]:
    """By partition number, the note of its last commit. A partition without one has never fired or taken anything."""
    for group in snapshot.groups:
        if group.name != REMINDERS.group:
            continue
        # The offsets of all topics of a partition number are committed together, with the same note.
        found = {number: Note.read(text) for (_, number), text in sorted(group.notes.items())}
        yield from ((number, note) for number, note in sorted(found.items()) if note is not None)


def overdue_s(note: Note, at_ms: int) -> float:
    """How long the next timer has been due, seconds."""
    return max(0, at_ms - note.next_wake_at) / 1000 if note.next_wake_at is not None else 0.0
