"""Do the topics, the script and the carrier's ground truth tell the same story? Pure; shares nothing with stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from connectors.gateway.urls import parse_call
from infra.cli.output import plain
from infra.demo.run import Run, Sms
from streams.ids import CallKey, charge_id_sms
from streams.tenants import Tenant

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Agreement:
    """One comparison; `holds` decides the exit code."""

    what: str
    wanted: str
    found: str
    holds: bool


@dataclass(frozen=True, slots=True)
class TenantRow:
    """What one tenant has had, as the topics say."""

    tenant: str
    sms: int
    outcomes: int
    reminders: int
    calls: int
    answers: int
    replies: int
    charges: int
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Truth:
    """The carrier's ground truth about our numbers, without what happened to anybody else."""

    created: Sequence[Event]
    heard: Sequence[Event]
    messages: Sequence[Event]

    @classmethod
    def of(cls, events: Iterable[Event], numbers: Iterable[str]) -> Truth:
        ours = set(numbers)
        mine = [event for event in events if event.get("to") in ours]
        heard = [e for e in mine if e["type"] == "call.heard" and not e.get("error")]
        return cls(
            [e for e in mine if e["type"] == "call.created"],
            heard,
            [e for e in mine if e["type"] == "message.created"],
        )


def key_of(created: Event) -> CallKey:
    """Which intended call the carrier was asked for: it stands in the URL that it fetches."""
    return parse_call(urlsplit(created["url"]).query).key


def compare(run: Run, truth: Truth) -> list[Agreement]:
    """Every comparison, in the order in which things happen."""
    ledger = run.ledger
    originals = run.originals()
    found = [_equal("dead letters", 0, len(ledger.dead_letters))]
    for sms in originals:
        types = [fact["type"] for fact in ledger.outcomes.get(sms.sid, ())]
        found.append(_equal(f"outcome of “{sms.text}”", sms.line.outcome, ", ".join(types) or "none"))
    found.append(_equal("facts, replies or charges written twice", 0, len(ledger.copies)))

    per_key = Counter(key_of(event) for event in truth.created)
    found.append(
        _equal("calls placed: carrier and topics", len(truth.created), len(ledger.placed(ledger.calls)))
    )
    found.append(_equal("duplicate calls", 0, sum(n - 1 for n in per_key.values())))
    early = [e for e in truth.created if e["at"] < key_of(e).due_at]
    found.append(_equal("early calls", 0, len(early)))
    for sms in originals:
        if sms.line.calls:
            found.append(_calls(run, sms, per_key))
    answered = _answered(run)
    heard = {key_of(e).occurrence for e in truth.created if e["sid"] in {h["sid"] for h in truth.heard}}
    found.append(_equal("reminders heard: carrier and topics", len(heard), len(answered)))
    told = Counter(key_of(e).occurrence for e in truth.created if e["sid"] in {h["sid"] for h in truth.heard})
    found.append(_equal("reminders heard twice", 0, sum(n - 1 for n in told.values())))
    found.append(_equal("replies: carrier and topics", len(truth.messages), _replies_sent(run)))
    for tenant in run.tenants:
        found.append(_charges(run, tenant))
    return found


def _equal(what: str, wanted: object, found: object) -> Agreement:
    return Agreement(what, str(wanted), str(found), wanted == found)


def _calls(run: Run, sms: Sms, per_key: Counter[CallKey]) -> Agreement:
    """How often the phone rang for one reminder; none when it was called off in time."""
    rang = sum(n for key, n in per_key.items() if key.reminder_id == sms.reminder)
    what = f"calls for “{sms.text}”"
    if run.called_off(sms):
        return _equal(f"{what}, called off", 0, rang)
    if sms.line.called_off_by is not None:
        return Agreement(f"{what}, called off too late", "0 or 1", str(rang), rang <= 1)
    # A try that certainly did not reach the carrier is repeated, so count what rang.
    return _equal(what, sms.line.calls, rang)


def _answered(run: Run) -> set[tuple[str, int]]:
    return {(key.reminder_id, key.due_at) for key, states in run.ledger.calls.items() if "ANSWERED" in states}


def _replies_sent(run: Run) -> int:
    return sum(bool(states & {"SENT", "DELIVERED"}) for states in run.ledger.reply_states.values())


def _charges(run: Run, tenant: Tenant) -> Agreement:
    """The sum computed from the script and from who answered, against the sum of the charges, to the last cent."""
    mine = [sms for sms in run.originals() if sms.user.startswith(f"{tenant.id}|")]
    reminders = {sms.reminder for sms in mine}
    answered = sum(reminder in reminders for reminder, _ in _answered(run))
    texts = sum(sms.line.charged for sms in mine)
    wanted = texts * tenant.price_per_sms + answered * tenant.price_per_answered_call
    found = run.ledger.charged(tenant.id)
    ids = {charge_id_sms(sms.sid) for sms in mine if sms.line.charged}
    stray = {c for c in run.ledger.charges if c.startswith("sms:")} & {
        charge_id_sms(s.sid) for s in mine
    } - ids
    return Agreement(
        f"charges of {tenant.id}: {texts} SMS, {answered} answered",
        f"{plain(wanted)} {tenant.currency}",
        f"{plain(found)} {tenant.currency}",
        wanted == found and not stray,
    )


def by_tenant(run: Run) -> list[TenantRow]:
    """The final table."""
    ledger, rows = run.ledger, []
    for tenant in run.tenants:
        prefix = f"{tenant.id}|"
        mine = [sms for sms in run.originals() if sms.user.startswith(prefix)]
        keys = [key for key, user in ledger.call_users.items() if user.startswith(prefix)]
        reminders = {sms.reminder for sms in mine}
        charges = [c for c in ledger.charges.values() if c["tenant"] == tenant.id]
        rows.append(
            TenantRow(
                tenant.id,
                len(mine),
                sum(len(ledger.outcomes.get(sms.sid, ())) for sms in mine),
                sum("SCHEDULED" in ledger.types(reminder) for reminder in reminders),
                len(ledger.placed(keys)),
                sum(reminder in reminders for reminder, _ in _answered(run)),
                sum(reply["tenant"] == tenant.id for reply in ledger.replies.values()),
                len(charges),
                ledger.charged(tenant.id),
                tenant.currency,
            )
        )
    return rows
