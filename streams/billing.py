"""Billing: facts become charges, each once.

An SMS is charged when its outcome fact says so (`reminders` decides, this stage prices); an occurrence is
charged when it has ANSWERED. A price of zero still makes a charge of amount 0, so that charges can be counted
against facts. State, to recognise a copy for longer than any input is kept:

    charged|{charge_id}      ChargedState       deleted by its own wake_at, 35 days after the charge
    c|{tenant}|{currency}    ChargeTallyState   never: charges counted, to be held against what `reminders` counts
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from schemas.records import Charge, ChargedState
from streams import ids
from streams.runtime.processor import Event, Opened, Output, Poison, Record, Result, Send, State, Wake
from streams.tenants import Tenants
from streams.topology import CHARGES, DAY_MS

REMEMBER_MS = 35 * DAY_MS
TALLY = "c|"
SCALE = 6  # digits behind the point of Charge.amount
_NOTHING = {"sms": 0, "answered": 0, "sms_millionths": 0, "answered_millionths": 0}


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
        elif isinstance(event, Opened):
            for key, _ in state.scan(TALLY):  # tells them
                state.add(key, "ChargeTallyState", _NOTHING)
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
        made = {kind: 1, f"{kind}_millionths": int(price.scaleb(SCALE))}
        state.add(f"{TALLY}{tenant.id}|{tenant.currency}", "ChargeTallyState", _NOTHING | made)
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
