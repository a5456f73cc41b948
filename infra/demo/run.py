"""One run of the script: who sends what under which sid, and whether all of it has come to its end."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from infra.cli.send import new_sid
from infra.demo.ledger import ENDED_CALL, ENDED_REMINDER, SENT_REPLY, Ledger
from infra.demo.script import Line, Script
from streams.ids import charge_id_sms, reminder_id, user_key
from streams.tenants import Tenant

QUIET_MS = (
    1_500  # how long nothing may come after the last due time before a called-off reminder counts as quiet
)


@dataclass
class Sms:
    """One line of the script as it was sent in this run."""

    line: Line
    user: str  # {tenant}|{number}
    number: str
    to: str
    sid: str
    text: str = ""
    sent_at: datetime | None = None

    @property
    def reminder(self) -> str:
        return reminder_id(self.sid)


@dataclass
class Run:
    """Fresh numbers and sids, so that earlier runs on the same topics do not count."""

    script: Script
    tenants: list[Tenant]
    numbers: dict[str, str] = field(default_factory=dict)
    sms: dict[str, Sms] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        # Area code 555 belongs to nobody; seven random digits keep runs apart.
        base = secrets.randbelow(9_000_000) + 1_000_000
        for place, user in enumerate(self.script.users):
            self.numbers[user.name] = f"+1555{(base + place) % 10_000_000:07}"
        users = {user.name: user for user in self.script.users}
        for line in self.script.lines:
            tenant = self.tenants[users[line.user].tenant % len(self.tenants)]
            number = self.numbers[line.user]
            sid = self.sms[line.copy_of].sid if line.copy_of else new_sid()
            self.sms[line.name] = Sms(line, user_key(tenant.id, number), number, tenant.numbers[0], sid)
        self.ledger = Ledger(frozenset(sms.user for sms in self.sms.values()))

    def behaviours(self) -> list[dict[str, object]]:
        """What the simulated carrier must know of our users."""
        return [
            {"number": self.numbers[user.name], "calls": list(user.calls)}
            for user in self.script.users
            if user.calls
        ]

    def originals(self) -> list[Sms]:
        """Every SMS once, without copies."""
        return [sms for sms in self.sms.values() if sms.line.copy_of is None]

    def may_be_sent(self, sms: Sms) -> bool:
        """Not sent yet, and what it waits for has its outcome."""
        after = sms.line.after
        return sms.sent_at is None and (after is None or bool(self.ledger.outcomes.get(self.sms[after].sid)))

    def called_off(self, sms: Sms) -> bool:
        """Did what cancels this reminder come into force before it was due? Then nothing may ring."""
        name = sms.line.called_off_by
        if name is None:
            return False
        fact = next(iter(self.ledger.outcomes.get(self.sms[name].sid, ())), None)
        due_at = self.due_at(sms)
        return fact is not None and due_at is not None and self.ledger.appended[fact["event_id"]] < due_at

    def due_at(self, sms: Sms) -> int | None:
        """When the reminder is due, as its SCHEDULED fact says; epoch ms."""
        fact = next(iter(self.ledger.outcomes.get(sms.sid, ())), None)
        return None if fact is None else fact.get("due_at")

    def open_ends(self, now_ms: int) -> list[str]:
        """What has not come to its end yet, in words; empty when the run is over."""
        found = []
        for sms in self.sms.values():
            if sms.sent_at is None:
                found.append(f"{sms.line.name}: to be sent")
            elif sms.line.copy_of is None and (missing := self._missing(sms, now_ms)):
                found.append(f"{sms.line.name}: {missing}")
        silent = {sms.user for sms in self.originals() if sms.line.outcome == "OPTED_OUT"}
        for reply, value in self.ledger.replies.items():
            # What was said to somebody who opted out meanwhile is dropped, and that is its end.
            if value["user"] not in silent and not self.ledger.reply_states[reply] & set(SENT_REPLY):
                found.append("a reply to be sent")
        return found

    def _missing(self, sms: Sms, now_ms: int) -> str | None:
        ledger = self.ledger
        facts = ledger.outcomes.get(sms.sid)
        if not facts:
            return "its outcome"
        if facts[0].get("charged") and charge_id_sms(sms.sid) not in ledger.charges:
            return "its charge"
        if sms.line.calls == 0:
            return None
        ended = [t for t in ledger.types(sms.reminder) if t in ENDED_REMINDER]
        if not ended:
            return "the end of its reminder"
        due_at = self.due_at(sms) or 0
        if sms.line.called_off_by is not None and now_ms < due_at + QUIET_MS:
            return "its time to pass in silence"
        for key, states in ledger.calls_of(sms.reminder).items():
            if not states & set(ENDED_CALL):
                return f"the end of call {key.attempt}.{key.try_}"
        answered = "ANSWERED" in ended
        if answered and not any(c.startswith(f"answered:{sms.reminder}:") for c in ledger.charges):
            return "the charge for its answer"
        return None
