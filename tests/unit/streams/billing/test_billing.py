"""Billing: each accepted SMS and each answered occurrence, once, at the tenant's price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from schemas import codec
from streams.billing import REMEMBER_MS, TALLY, Billing
from streams.runtime.processor import DictState, Opened, Poison, Record, Send
from streams.tenants import Tenant, TenantTable

NOW_MS = 1_795_000_000_000
ACME = Tenant(
    id="acme",
    numbers=(),
    currency="EUR",
    price_per_sms=Decimal("0.0075"),
    price_per_answered_call=Decimal("0.05"),
)


class Till:
    def __init__(self, tenant: Tenant = ACME) -> None:
        self.state = DictState()
        self.billing = Billing(TenantTable([tenant]))

    def take(self, **fields: Any) -> list[dict[str, Any]]:
        fact = {
            "event_id": "e",
            "type": "SCHEDULED",
            "tenant": "acme",
            "user": "acme|+14155550101",
            "reminder_id": "r1",
            "message_sid": None,
            "due_at": 5_000,
            "attempt": None,
            "try": None,
            "charged": None,
            "number": None,
            "reason": None,
            "at": NOW_MS,
        } | fields
        charges = []
        for send in self.billing.step(
            self.state, Record("reminders.events", 0, 0, NOW_MS, None, "ReminderEvent", fact), NOW_MS
        ):
            assert isinstance(send, Send)
            assert (send.topic, send.key) == ("billing.charges", fact["user"])
            charges.append(codec.decode(codec.encode(send.name, send.value), expected="Charge").record)
        for name, value in self.state.values.values():
            codec.encode(name, value)
        return charges


def test_an_outcome_that_is_charged_makes_one_charge() -> None:
    """Named by the SMS; a copy of the fact makes none."""
    till = Till()
    (charge,) = till.take(message_sid="SM1", charged=True)
    assert charge == {
        "charge_id": "sms:SM1",
        "tenant": "acme",
        "user": "acme|+14155550101",
        "kind": "sms",
        "amount": Decimal("0.0075"),
        "currency": "EUR",
        "at": NOW_MS,
    }
    assert till.take(message_sid="SM1", charged=True) == []
    assert len(till.take(message_sid="SM2", charged=True)) == 1


def test_an_answered_occurrence_makes_one_charge() -> None:
    """Another occurrence of the same reminder is another charge."""
    till = Till()
    (charge,) = till.take(type="ANSWERED")
    assert (charge["charge_id"], charge["kind"], charge["amount"]) == (
        "answered:r1:5000",
        "answered",
        Decimal("0.05"),
    )
    assert till.take(type="ANSWERED", attempt=2) == []
    assert len(till.take(type="ANSWERED", due_at=6_000)) == 1


@pytest.mark.parametrize(
    "kind", ["FIRED", "CHANGED", "CANCELLED", "MISSED", "GAVE_UP", "EXPIRED", "CANCEL_ASKED"]
)
def test_other_facts_are_free(kind: str) -> None:
    """Also outcomes that say so."""
    assert Till().take(type=kind) == []
    assert Till().take(type="REFUSED", message_sid="SM1", charged=False) == []


def test_a_price_of_zero_still_makes_a_charge() -> None:
    """So that charges can be counted against facts."""
    (charge,) = Till(Tenant(id="acme", numbers=())).take(message_sid="SM1", charged=True)
    assert charge["amount"] == 0


def test_a_charge_is_remembered_35_days() -> None:
    """Longer than any input is kept; then its timer removes it."""
    till = Till()
    till.take(message_sid="SM1", charged=True)
    assert till.state.due(NOW_MS + REMEMBER_MS - 1) == []
    for wake in till.state.due(NOW_MS + REMEMBER_MS):
        assert list(till.billing.step(till.state, wake, NOW_MS + REMEMBER_MS)) == []
    assert [key for key in till.state.values if not key.startswith(TALLY)] == []


def test_a_fact_of_an_unknown_tenant_is_a_dead_letter() -> None:
    """Nobody can say what it costs; nothing is remembered, so a replay can charge it."""
    till = Till()
    with pytest.raises(Poison) as poison:
        till.take(tenant="nobody", message_sid="SM1", charged=True)
    assert poison.value.reason == "unknown_tenant"
    assert till.state.values == {}


def test_charges_and_their_sum_are_counted_by_currency() -> None:
    """What is shown beside the facts' own count, and as money; a copy of a fact counts nothing. A takeover tells it."""
    till = Till()
    for _ in range(2):
        till.take(message_sid="SM1", charged=True)
    till.take(message_sid="SM2", charged=True)
    till.take(type="ANSWERED", due_at=5_000)
    counted = {"sms": 2, "answered": 1, "sms_millionths": 15_000, "answered_millionths": 50_000}
    assert till.state.get(f"{TALLY}acme|EUR") == counted
    list(till.billing.step(till.state, Opened(0), NOW_MS))
    assert till.state.get(f"{TALLY}acme|EUR") == counted
