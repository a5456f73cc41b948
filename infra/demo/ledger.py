"""What the topics say about one run of the demo: facts by SMS, by reminder, by call. Fed one step at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from infra.cli.trace import Step
from streams.ids import CallKey

OUTCOMES = ("SCHEDULED", "COMMAND_DONE", "ASKED_BACK", "REFUSED", "OPTED_OUT", "OPTED_IN")
ENDED_CALL = ("COMPLETED", "BUSY", "NO_ANSWER", "FAILED", "CANCELED", "NOT_PLACED", "NOT_SENT")
SENT_REPLY = ("SENT", "DELIVERED", "FAILED")
ENDED_REMINDER = ("CANCELLED", "ANSWERED", "MISSED", "GAVE_UP", "EXPIRED")


@dataclass
class Ledger:
    """Everything by its identity; a copy of a fact (same event_id, charge_id) counts as one, and is counted."""

    users: frozenset[str] = frozenset()
    outcomes: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    facts: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    calls: dict[CallKey, set[str]] = field(default_factory=lambda: defaultdict(set))
    call_sids: dict[CallKey, set[str]] = field(default_factory=lambda: defaultdict(set))
    call_users: dict[CallKey, str] = field(default_factory=dict)
    replies: dict[str, dict[str, Any]] = field(default_factory=dict)
    reply_states: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    charges: dict[str, dict[str, Any]] = field(default_factory=dict)
    due: dict[tuple[str, int, int, int], int] = field(default_factory=dict)  # K: due_at
    appended: dict[str, int] = field(default_factory=dict)  # event_id: epoch ms
    copies: list[str] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)

    def add(self, step: Step) -> None:
        """Take in one step, if it is about one of our users."""
        if step.user not in self.users:
            if step.name == "DeadLetter" and self._is_ours(step.value):
                self.dead_letters.append(step.value)
            return
        value = step.value
        if step.name == "ReminderEvent":
            self._fact(value, step.record.timestamp_ms)
        elif step.name == "ReminderDue":
            self.due[value["reminder_id"], value["due_at"], value["attempt"], value["try"]] = value["due_at"]
        elif step.name == "CallEvent":
            key = CallKey(value["reminder_id"], value["due_at"], value["attempt"], value["try"])
            self.calls[key].add(value["state"])
            self.call_users[key] = step.user
            if value.get("call_sid"):
                self.call_sids[key].add(value["call_sid"])
        elif step.name == "SmsReply":
            if value["reply_id"] in self.replies:
                self.copies.append(f"reply {value['reply_id']}")
            self.replies[value["reply_id"]] = value
        elif step.name == "SmsEvent":
            self.reply_states[value["reply_id"]].add(value["state"])
        elif step.name == "Charge":
            if value["charge_id"] in self.charges:
                self.copies.append(f"charge {value['charge_id']}")
            self.charges[value["charge_id"]] = value

    def _fact(self, value: dict[str, Any], appended_at: int) -> None:
        if value["event_id"] in self.appended:
            self.copies.append(f"{value['type']} {value['event_id']}")
            return
        self.appended[value["event_id"]] = appended_at
        if value.get("message_sid") and value["type"] in OUTCOMES:
            self.outcomes[value["message_sid"]].append(value)
        if value.get("reminder_id"):
            self.facts[value["reminder_id"]].append(value)

    def _is_ours(self, letter: dict[str, Any]) -> bool:
        numbers = [user.rpartition("|")[2].encode() for user in self.users]
        return any(number in (letter.get("value") or b"") for number in numbers)

    def types(self, reminder: str) -> list[str]:
        """The facts of a reminder, in order."""
        return [fact["type"] for fact in self.facts.get(reminder, ())]

    def calls_of(self, reminder: str) -> dict[CallKey, set[str]]:
        """The states that each intended call of a reminder has gone through."""
        return {key: states for key, states in self.calls.items() if key.reminder_id == reminder}

    def placed(self, keys: Iterable[CallKey]) -> set[str]:
        """The carrier's names of the calls that were placed for these."""
        return {sid for key in keys for sid in self.call_sids.get(key, ())}

    def charged(self, tenant: str) -> Decimal:
        return sum((c["amount"] for c in self.charges.values() if c["tenant"] == tenant), Decimal(0))
