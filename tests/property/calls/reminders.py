"""What the timer stream does with the evidence, in thirty lines: next try, next attempt, or the end of an occurrence.

Written from the protocol, not from streams/reminders: it stands for any reader of `calls.events`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.calls import fold
from streams.calls.fold import EMPTY, Fold
from streams.ids import CallKey, Occurrence
from streams.topology import CALLS
from tests.unit.streams.calls.line import Line

MAX_ATTEMPTS, MAX_TRIES = 2, 4


@dataclass
class Reminder:
    user: str
    key: CallKey
    fold: Fold = EMPTY
    called_off: bool = False
    answered: bool = False
    end: str = ""


@dataclass
class Reminders:
    line: Line
    known: dict[Occurrence, Reminder] = field(default_factory=dict)
    read: int = 0

    def fire(self, name: str, user: str) -> None:
        key = self.line.due(name, user=user)
        self.known.setdefault(key.occurrence, Reminder(user, key))

    def learn(self) -> None:
        """Read what is new in the evidence."""
        evidence = self.line.evidence(CALLS.name)
        for event in evidence[self.read :]:
            key = CallKey(event["reminder_id"], event["due_at"], event["attempt"], event["try"])
            reminder = self.known[key.occurrence]
            reminder.answered = reminder.answered or event["state"] == "ANSWERED"
            if key == reminder.key and not reminder.end:
                reminder.fold = fold.absorb(reminder.fold, event["state"], event["call_sid"])
                if fold.is_over(reminder.fold):
                    self._over(reminder)
        self.read = len(evidence)

    def _over(self, reminder: Reminder) -> None:
        reads, key = fold.reads_as(reminder.fold), reminder.key
        if reminder.answered or reminder.called_off or reads == "NOT_PLACED":
            reminder.end = "ANSWERED" if reminder.answered else str(reads)
        elif reads == "NOT_SENT":
            self._next(reminder, key._replace(try_=key.try_ + 1), "MISSED" if key.try_ >= MAX_TRIES else "")
        else:
            gave_up = "GAVE_UP" if key.attempt >= MAX_ATTEMPTS else ""
            self._next(reminder, key._replace(attempt=key.attempt + 1, try_=1), gave_up)

    def _next(self, reminder: Reminder, key: CallKey, end: str) -> None:
        reminder.end = end
        if not end:
            reminder.key, reminder.fold = key, EMPTY
            self.line.due(key.reminder_id, key.attempt, key.try_, user=reminder.user)
