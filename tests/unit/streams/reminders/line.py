"""A telephone line to the timer stream: texts in, time forward, evidence in; facts, SMS and attempts out.

Everything that a step puts out or keeps goes through its Avro schema and back, so that a record that does not
fit its schema fails the test that made it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from schemas import codec
from streams.ids import user_key
from streams.phrases import read
from streams.reminders.processor import Reminders
from streams.runtime.processor import DictState, Event, Record, Send, Value, Wake
from streams.tenants import Tenant, TenantTable
from streams.topology import CALLS, DUE, EVENTS, OUTBOUND, REQUESTS

OURS = "+14155550100"
THEIRS = "+14155550101"
NOON = int(datetime(2026, 11, 21, 12, 0, tzinfo=UTC).timestamp() * 1000)
OUTCOMES = {"SCHEDULED", "COMMAND_DONE", "ASKED_BACK", "REFUSED", "OPTED_OUT", "OPTED_IN"}


class AvroState(DictState):
    """Keeps what Avro keeps."""

    def put(self, key: str, name: str, value: Value) -> None:
        super().put(key, name, codec.decode(codec.encode(name, value), expected=name).record)


def tenant(**fields: Any) -> Tenant:
    """A tenant whose users need no first confirmation, with `fields` of its own."""
    known: dict[str, Any] = {"id": "acme", "numbers": (OURS,), "confirm_first_contact": False}
    return Tenant(**(known | fields))


@dataclass
class Line:
    """One user of one tenant. `facts`, `sms` and `due` are everything that was put out, oldest first."""

    tenant: Tenant = field(default_factory=tenant)
    now_ms: int = NOON
    state: AvroState = field(default_factory=AvroState)
    facts: list[dict[str, Any]] = field(default_factory=list)
    sms: list[dict[str, Any]] = field(default_factory=list)
    due: list[dict[str, Any]] = field(default_factory=list)
    texts: int = 0
    theirs: str = THEIRS

    def __post_init__(self) -> None:
        self.reminders = Reminders(TenantTable([self.tenant]))

    @property
    def user(self) -> str:
        return user_key(self.tenant.id, self.theirs)

    def step(self, event: Event) -> list[dict[str, Any]]:
        """Let the processor react; returns the facts that were new."""
        before = len(self.facts)
        for output in self.reminders.step(self.state, event, self.now_ms):
            assert isinstance(output, Send)
            assert output.key == self.user
            record = codec.decode(codec.encode(output.name, output.value), expected=output.name).record
            {EVENTS.name: self.facts, OUTBOUND.name: self.sms, DUE.name: self.due}[output.topic].append(
                record
            )
        return self.facts[before:]

    def text(self, body: str, received_at: int | None = None, sid: str | None = None) -> list[dict[str, Any]]:
        """The user texts `body`."""
        self.texts += 1
        command = read(body)
        return self.step(
            self._record(
                REQUESTS.name,
                "Request",
                {
                    "message_sid": sid or f"SM{self.texts}",
                    "tenant": self.tenant.id,
                    "user": self.user,
                    "from": self.theirs,
                    "to": OURS,
                    "received_at": self.now_ms if received_at is None else received_at,
                    "text": body,
                    "command": command.name,
                    "subject": command.subject,
                    "when": command.when.to_record() if command.when else None,
                    "number": command.number,
                    "zone": command.zone,
                    "accepted_at": self.now_ms - 5,
                },
            )
        )

    def evidence(
        self,
        state: str,
        sid: str | None = "CA1",
        due: dict[str, Any] | None = None,
        digits: str | None = None,
        at: int | None = None,
        code: int | None = None,
    ) -> list[dict[str, Any]]:
        """Evidence about a try (default: the last one that fired), seen now or at another time."""
        due = due or self.due[-1]
        value = {name: due[name] for name in ("reminder_id", "user", "tenant", "due_at", "attempt", "try")}
        if state in ("CLAIMED", "UNKNOWN", "NOT_SENT", "NOT_PLACED"):
            sid = None
        value |= {
            "state": state,
            "call_sid": sid,
            "epoch": None,
            "digits": digits,
            "reason": None,
            "code": code,
            "at": self.now_ms if at is None else at,
        }
        return self.step(self._record(CALLS.name, "CallEvent", value))

    def press(self, digits: str, sid: str = "CA1", at: int | None = None) -> list[dict[str, Any]]:
        """A key is pressed in the call of the last try that fired."""
        return self.evidence("ANSWERED", sid, digits=digits, at=at)

    def wait(self, seconds: float) -> list[dict[str, Any]]:
        """Let time pass, timers firing as the loop would fire them; returns the new facts."""
        before, until = len(self.facts), self.now_ms + round(seconds * 1000)
        while (timer := self.next_timer()) is not None and timer <= until:
            self.now_ms = max(self.now_ms, timer)
            self.wake()
        self.now_ms = until
        return self.facts[before:]

    def away(self, seconds: float) -> list[dict[str, Any]]:
        """Time passes while nobody looks at the timers; then they are looked at once."""
        self.now_ms += round(seconds * 1000)
        before = len(self.facts)
        self.wake()
        return self.facts[before:]

    def wake(self) -> None:
        due = self.state.due(self.now_ms)
        assert due, "woken for nothing"
        for timer in due:
            self.step(timer)
            left = self.state.get(timer.key)
            # The contract of State: else the loop would hand it back for ever.
            assert left is None or left["wake_at"] is None or left["wake_at"] > self.now_ms, left

    def next_timer(self) -> int | None:
        return min((v["wake_at"] for _, v in self.state.values.values() if v.get("wake_at")), default=None)

    def kinds(self) -> list[str]:
        return [fact["type"] for fact in self.facts]

    def said(self) -> str:
        """The last SMS to the user."""
        body = self.sms[-1]["body"]
        assert isinstance(body, str)
        return body

    def ring(self, seconds: float = 60) -> None:
        """A reminder that is due in `seconds` fires and is being placed."""
        self.text(f"Remind me to buy milk in {round(seconds)} seconds")
        self.wait(seconds)
        assert self.kinds()[-1] == "FIRED"
        self.evidence("CLAIMED")
        self.evidence("PLACED")

    def _record(self, topic: str, name: str, value: dict[str, Any]) -> Record:
        value = codec.decode(codec.encode(name, value), expected=name).record
        return Record(topic, 0, 0, self.now_ms, value["user"].encode(), name, value)


def kinds(facts: list[dict[str, Any]]) -> list[str]:
    return [fact["type"] for fact in facts]


def timer(line: Line, key: str) -> Wake:
    """The timer of a state record, as the loop would hand it over."""
    value = line.state.get(key)
    assert value is not None
    return Wake(key, value)
