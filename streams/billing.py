"""Billing: facts become charges, each once.

An SMS is charged when its outcome fact says so (`reminders` decides, this stage prices); an occurrence is
charged when it has ANSWERED. A price of zero still makes a charge of amount 0, so that charges can be counted
against facts. State, to recognise a copy for longer than any input is kept:

    charged|{charge_id}   ChargedState   deleted by its own wake_at, 35 days after the charge
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from schemas.records import Charge, ChargedState
from streams import ids
from streams.runtime.processor import Event, Output, Poison, Record, Result, Send, State, Wake
from streams.tenants import Tenants
from streams.topology import CHARGES, DAY_MS

REMEMBER_MS = 35 * DAY_MS


class Billing:
    """The processor of one partition."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    def step(self, state: State, event: Event, now_ms: int) -> Sequence[Output]:
        """A fact may become a charge. Raises Poison for a fact of an unknown tenant."""
        if isinstance(event, Record):
            return self._charge(state, event.value, now_ms)
        if isinstance(event, Wake):
            state.delete(event.key)
        return ()

    def late(self, result: Result, now_ms: int) -> Iterable[Send]:  # noqa: ARG002
        return ()

    def _charge(self, state: State, fact: dict[str, object], now_ms: int) -> Sequence[Output]:
        if fact["message_sid"] is not None and fact["charged"]:
            kind, charge_id = "sms", ids.charge_id_sms(str(fact["message_sid"]))
        elif fact["type"] == "ANSWERED":
            kind = "answered"
            charge_id = ids.charge_id_answered(str(fact["reminder_id"]), int(str(fact["due_at"])))
        else:
            return ()
        key = f"charged|{charge_id}"
        if state.get(key) is not None:
            return ()
        tenant = self._tenants.get(str(fact["tenant"]))
        if tenant is None:
            raise Poison("unknown_tenant", f"no tenant {fact['tenant']!r} to charge by")
        state.put(key, "ChargedState", ChargedState(wake_at=now_ms + REMEMBER_MS))
        price: Decimal = tenant.price_per_sms if kind == "sms" else tenant.price_per_answered_call
        user = str(fact["user"])
        charge = Charge(
            charge_id=charge_id,
            tenant=tenant.id,
            user=user,
            kind=kind,
            amount=price,
            currency=tenant.currency,
            at=now_ms,
        )
        return (Send(CHARGES.name, user, "Charge", charge),)
