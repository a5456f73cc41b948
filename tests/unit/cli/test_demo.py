"""The demo's script, and whether its verdict can be trusted: every kind of disagreement must be seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.gateway.urls import call_urls
from connectors.kafka.browse import Found
from infra.cli.trace import Step
from infra.demo import agree
from infra.demo.run import Run
from infra.demo.script import DEMO, Line, due_of_clock
from streams.ids import CallKey, charge_id_answered, charge_id_sms, event_id
from streams.phrases.read import read
from streams.phrases.resolve import resolve
from streams.tenants import parse_tenants

TENANTS = Path(agree.__file__).with_name("tenants.yaml")
COMMANDS = {"ASKED_BACK": "unreadable", "SCHEDULED": "remind", "OPTED_OUT": "stop"}


@pytest.mark.parametrize(
    "line", [line for line in DEMO.lines if not line.copy_of], ids=lambda line: line.name
)
@pytest.mark.parametrize("hour", [0, 7, 8, 12, 23])
def test_every_line_means_what_the_script_says(line: Line, hour: int) -> None:
    """At any hour, also around midnight in any of the zones, the text is due in so many seconds."""
    sent_at = datetime(2026, 11, 21, hour, 59, 57, 250_000, tzinfo=UTC)
    command = read(line.body(sent_at))
    assert command.name == COMMANDS.get(line.outcome, command.name)
    if line.due_s is not None:
        assert command.when is not None
        received_at = round(sent_at.timestamp() * 1000)
        due_at = resolve(command.when, received_at, line.zone or "UTC").due_at
        exact = (
            due_of_clock(line, sent_at).timestamp() * 1000 if line.zone else received_at + line.due_s * 1000
        )
        assert due_at == exact


def test_the_script_has_what_a_demo_must_show() -> None:
    """A dozen different SMS of several users of two tenants, sent both ways."""
    different = [line for line in DEMO.lines if line.copy_of is None]
    assert len(different) == 12
    assert {user.tenant for user in DEMO.users} == {0, 1}
    assert {line.via for line in different} == {"topic", "webhook"}
    assert {line.outcome for line in different} == {"SCHEDULED", "COMMAND_DONE", "ASKED_BACK", "OPTED_OUT"}
    assert len(parse_tenants(TENANTS.read_bytes())) == 2


class Played:
    """A run as it should go, recorded without a cluster: what the topics and the carrier would say."""

    def __init__(self) -> None:
        self.run = Run(DEMO, parse_tenants(TENANTS.read_bytes()))
        self.truth: list[dict[str, Any]] = []
        self.due_at = 1_795_255_210_000
        self._offset = 0
        for sms in self.run.originals():
            sms.text = sms.line.name
            self._play(sms.line)

    def add(self, name: str, user: str, value: dict[str, Any]) -> None:
        self._offset += 1
        record = Found("t", 0, self._offset, self.due_at - 5_000, user.encode(), b"")
        self.run.ledger.add(
            Step(record, user, name, {"user": user, "tenant": user.split("|", maxsplit=1)[0], **value})
        )

    def fact(self, type_: str, line: str, **more: Any) -> None:
        sms = self.run.sms[line]
        value = {"event_id": event_id(type_, sms.sid), "type": type_, **more}
        self.add("ReminderEvent", sms.user, value)

    def _play(self, line: Line) -> None:
        sms = self.run.sms[line.name]
        tenant = next(t for t in self.run.tenants if sms.user.startswith(f"{t.id}|"))
        reminder = sms.reminder if line.due_s else None
        about = {"message_sid": sms.sid, "reminder_id": reminder, "due_at": self.due_at if reminder else None}
        self.fact(line.outcome, line.name, charged=line.charged, **about)
        if line.charged:
            self.charge(line.name, charge_id_sms(sms.sid), tenant.price_per_sms)
        if line.called_off_by:
            self.fact("CANCELLED", line.name, reminder_id=sms.reminder)
            return
        for attempt in range(1, line.calls + 1):
            self.call(line.name, attempt, answered=attempt == line.calls)
        if line.calls:
            self.fact("ANSWERED", line.name, reminder_id=sms.reminder)
            self.charge(
                line.name, charge_id_answered(sms.reminder, self.due_at), tenant.price_per_answered_call
            )

    def charge(self, line: str, charge_id: str, amount: Decimal) -> None:
        self.add("Charge", self.run.sms[line].user, {"charge_id": charge_id, "amount": amount})

    def call(self, line: str, attempt: int, answered: bool, again: str = "", early_ms: int = 0) -> None:
        sms = self.run.sms[line]
        key = CallKey(sms.reminder, self.due_at, attempt, 1)
        sid = f"CA-{line}-{attempt}{again}"
        url = call_urls("http://gateway", key, sms.user, 1, "nonce").url
        at = self.due_at + 10 - early_ms
        self.truth.append({"type": "call.created", "at": at, "sid": sid, "to": sms.number, "url": url})
        states = ["PLACED", "ANSWERED", "COMPLETED"] if answered else ["PLACED", "NO_ANSWER"]
        for state in states:
            about = {"reminder_id": key.reminder_id, "due_at": key.due_at, "attempt": attempt, "try": 1}
            self.add("CallEvent", sms.user, {**about, "state": state, "call_sid": sid})
        if answered:
            self.truth.append({"type": "call.heard", "at": at, "sid": sid, "to": sms.number, "error": False})

    def disagreements(self) -> list[str]:
        truth = agree.Truth.of(self.truth, self.run.numbers.values())
        return [a.what for a in agree.compare(self.run, truth) if not a.holds]


def test_a_run_as_it_should_be_agrees_and_has_ended() -> None:
    """The expected results come from the script alone."""
    played = Played()
    assert played.disagreements() == []
    for sms in played.run.sms.values():
        sms.sent_at = datetime.now(UTC)
    assert played.run.open_ends(played.due_at + 60_000) == []
    rows = {row.tenant: row for row in agree.by_tenant(played.run)}
    assert (rows["sunrise"].calls, rows["sunrise"].answers, rows["harbour"].answers) == (4, 3, 1)


def _second_outcome(played: Played) -> None:
    value = {"event_id": "another", "type": "SCHEDULED", "message_sid": played.run.sms["milk"].sid}
    played.add("ReminderEvent", played.run.sms["milk"].user, value)


def _too_much(played: Played) -> None:
    played.charge("help", charge_id_sms(played.run.sms["help"].sid), Decimal("0.01"))


def _stray_message(played: Played) -> None:
    played.truth.append({"type": "message.created", "to": played.run.numbers["ana"], "sid": "SM"})


def _dead_letter(played: Played) -> None:
    value = {"value": f'{{"from": "{played.run.numbers["ana"]}"}}'.encode()}
    played.add("DeadLetter", "", value)


@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        (lambda p: p.call("milk", 1, answered=False, again="x"), "duplicate calls"),
        (lambda p: p.call("milk", 2, answered=True), "reminders heard twice"),
        (lambda p: p.call("plants", 1, answered=False), "calls for “plants”, called off"),
        (lambda p: p.call("yoga", 1, answered=False, early_ms=11), "early calls"),
        (lambda p: p.truth.pop(), "reminders heard: carrier and topics"),
        (_second_outcome, "outcome of “milk”"),
        (_too_much, "charges of sunrise: 5 SMS, 3 answered"),
        (_stray_message, "replies: carrier and topics"),
        (_dead_letter, "dead letters"),
        (lambda p: p.charge("milk", charge_id_sms(p.run.sms["milk"].sid), Decimal("0.01")),
         "facts, replies or charges written twice"),
    ],
)  # fmt: skip
def test_every_kind_of_mistake_is_seen(spoil: Callable[[Played], None], seen: str) -> None:
    """One mistake of each kind, planted into a good run, makes the check that is for it fail."""
    played = Played()
    spoil(played)
    assert seen in played.disagreements()


def test_a_cancel_that_came_too_late_may_have_rung() -> None:
    """After an outage the cancel can be read after the call: that is no disagreement, twice is."""
    played = Played()
    fact = played.run.ledger.outcomes[played.run.sms["cancel"].sid][0]
    played.run.ledger.appended[fact["event_id"]] = played.due_at + 1
    played.call("plants", 1, answered=False)
    assert played.disagreements() == []
    played.call("plants", 2, answered=False)
    assert played.disagreements() == ["calls for “plants”, called off too late"]


def test_runs_do_not_share_users_or_sids() -> None:
    """Two runs on the same topics do not count each other's records."""
    one, two = (Run(DEMO, parse_tenants(TENANTS.read_bytes())) for _ in range(2))
    assert not set(one.numbers.values()) & set(two.numbers.values())
    assert not {s.sid for s in one.sms.values()} & {s.sid for s in two.sms.values()}
    assert one.sms["again"].sid == one.sms["milk"].sid


def test_an_sms_waits_for_the_outcome_of_what_it_depends_on() -> None:
    """A cancel is not sent before there is something to cancel."""
    run = Run(DEMO, parse_tenants(TENANTS.read_bytes()))
    assert run.may_be_sent(run.sms["plants"])
    assert not run.may_be_sent(run.sms["cancel"])
    assert "plants: to be sent" in run.open_ends(0)
