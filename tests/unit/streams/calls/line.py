"""One user's line: a World that runs the calls stage, and the records that reach it, in a word each."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.records import CallState
from streams.calls import fold
from streams.calls.processor import CallsProcessor
from streams.ids import CallKey
from streams.once.carrier import CallRequest, CarrierCall
from streams.tenants import Tenant, TenantTable
from streams.topology import CALLS, DUE, EVENTS
from tests.evidence import evidence
from tests.unit.streams.once.world import World

USER, NUMBER, OURS = "acme|+14155550101", "+14155550101", "+14155550100"
RESOLVE_MS = 120_000
GRACE_MS = 900_000


def request(call: CallState) -> CallRequest:
    """The purpose that the carrier's double notes is the try, and the owner that asks."""
    key = CallKey(call["reminder_id"], call["due_at"], call["attempt"], call["try"])
    user = call["user"].rpartition("|")[2]
    return CallRequest(user, call["from"], str(key), "", str(call["epoch"]), 30)


class Line(World):
    def __init__(self, calls_per_second: float = 1000.0, resolve_ms: int = RESOLVE_MS, **tenant: Any) -> None:
        tenants = TenantTable(
            [Tenant(id="acme", numbers=(OURS,), calls_per_second=calls_per_second, **tenant)]
        )
        super().__init__(
            lambda: CallsProcessor(3, tenants, request, resolve_ms), (DUE.name, CALLS.name, EVENTS.name)
        )

    # -- what reaches the stage

    def due(self, name: str = "r1", attempt: int = 1, try_: int = 1, **fields: Any) -> CallKey:
        """A try is due now."""
        now_ms = self.clock.now_ms()
        value: dict[str, Any] = {
            "reminder_id": name,
            "user": USER,
            "tenant": "acme",
            "from": OURS,
            "due_at": 1_000,
            "fire_at": now_ms,
            "attempt": attempt,
            "try": try_,
            "subject": "buy milk",
            "language": "en",
            "expires_at": now_ms + GRACE_MS,
            "quiet_from": None,
            "quiet_until": None,
        } | fields
        self.append(DUE.name, "ReminderDue", value)
        return CallKey(name, value["due_at"], attempt, try_)

    def fact(self, kind: str, key: CallKey | None = None, user: str = USER) -> None:
        value: dict[str, Any] = {
            "event_id": f"{kind}-{len(self.log[EVENTS.name])}",
            "type": kind,
            "tenant": "acme",
            "user": user,
            "reminder_id": key.reminder_id if key else None,
            "message_sid": None,
            "due_at": key.due_at if key else None,
            "attempt": None,
            "try": None,
            "charged": None,
            "number": None,
            "reason": None,
            "at": self.clock.now_ms(),
        }
        self.append(EVENTS.name, "ReminderEvent", value)

    def callback(self, key: CallKey, state: str, sid: str = "CA1", user: str = USER) -> None:
        """What the gateway writes when the carrier calls back, or when it gave the words (ANSWERED, TOLD)."""
        self.append(CALLS.name, "CallEvent", evidence(key, user, state, sid, self.clock.now_ms()))

    def unknown(self, how: str) -> CallKey:
        """A try whose request ended so: its outcome is not known."""
        self.carrier.script.append(how)
        key = self.due()
        self.settle()
        assert self.states(key)[-1] == "UNKNOWN"
        return key

    # -- what came of it

    def states(self, key: CallKey) -> list[str]:
        """The states that stand in the evidence about a try, in order."""
        return [
            e["state"]
            for e in self.evidence(CALLS.name)
            if CallKey(e["reminder_id"], e["due_at"], e["attempt"], e["try"]) == key
        ]

    def reads_as(self, key: CallKey) -> str | None:
        """The fold of all evidence about a try."""
        mine = [
            (e["state"], e["call_sid"])
            for e in self.evidence(CALLS.name)
            if CallKey(e["reminder_id"], e["due_at"], e["attempt"], e["try"]) == key
        ]
        return fold.reads_as(fold.absorb_all(mine))

    def phase(self, key: CallKey) -> str | None:
        """Where the stage stands with it."""
        for prefix in ("c", "e"):
            found = self.committed.get(f"{prefix}|{USER}|{key}")
            if found is not None:
                return str(found[1]["phase"])
        return None

    def rung(self, key: CallKey) -> int:
        """How many calls the carrier made for it."""
        return self.carrier.accepted()[str(key)]

    def fetches(self, seconds: int, sid: str = "CA1") -> list[int]:
        """Let time pass, and note at which second the carrier is asked for the call."""
        began_ms, asked, fetch_call = self.clock.now_ms(), [], self.carrier.fetch_call

        async def noted(asked_sid: str) -> CarrierCall | None:
            if asked_sid == sid:
                asked.append(round((self.clock.now_ms() - began_ms) / 1000))
            return await fetch_call(asked_sid)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.carrier, "fetch_call", noted)  # the same carrier, watched
            self.pass_time(seconds)
        return asked
