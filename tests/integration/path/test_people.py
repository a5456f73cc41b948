"""What people do with a call, through the whole pipeline: they press keys, and machines pick up for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from infra.cli.tenants import apply_tenants
from streams.ids import reminder_id
from tests.integration.path.pipeline import TENANT, Pipeline

TEN_MINUTES_MS = 600_000


@pytest.mark.integration
@pytest.mark.timeout(90)
def test_keys_do_what_the_words_say_and_a_machine_is_called_again(
    pipeline: Pipeline, new_user: Callable[[], str]
) -> None:
    """1 ends, 2 makes an occurrence in ten minutes, 9 opts out; a machine hears nothing and costs nothing."""
    apply_tenants(
        pipeline.settings, [msgspec.structs.replace(TENANT, on_machine="hang_up_and_retry", voice="alice")]
    )
    done, snooze, never, machine = (new_user() for _ in range(4))
    for user, key in ((done, "1"), (snooze, "2"), (never, "9")):
        pipeline.simulator.control.behave(user, {"outcome": "answer", "digits": [key]})
    pipeline.simulator.control.behave(machine, {"outcome": "machine"}, {"outcome": "answer"})
    pipeline.start_stages()
    asked = {
        user: pipeline.send(user, "Remind me to stretch in 1 second")
        for user in (done, snooze, never, machine)
    }
    reminders = {user: reminder_id(sid) for user, sid in asked.items()}

    def facts(user: str, kind: str) -> list[dict[str, Any]]:
        return [
            f for f in pipeline.ledger().facts if f["reminder_id"] == reminders[user] and f["type"] == kind
        ]

    pipeline.wait_until("9 opts out", lambda: bool(facts(never, "OPTED_OUT")), 30)
    after = pipeline.send(never, "Remind me to stretch in 1 second")
    pipeline.wait_until("2 makes another occurrence", lambda: bool(facts(snooze, "CHANGED")), 30)
    pipeline.wait_until("everything else has ended", lambda: pipeline.ledger().settled, 40)

    ledger = pipeline.ledger()
    ledger.check()
    (first,), (changed,) = facts(snooze, "ANSWERED"), facts(snooze, "CHANGED")
    assert 0 < changed["due_at"] - first["at"] - TEN_MINUTES_MS < 30_000
    (refused,) = [f for f in ledger.facts if f["message_sid"] == after]
    assert (refused["type"], refused["reason"]) == ("REFUSED", "opted_out")
    (answered,) = facts(machine, "ANSWERED")
    assert answered["attempt"] == 2, "the machine's call was no answer"

    heard = [e for e in ledger.truth if e["type"] == "call.heard"]
    calls = [e["sid"] for e in ledger.truth if e["type"] == "call.created" and e["to"] == machine]
    assert len(calls) == 2
    assert not [e for e in heard if e["sid"] == calls[0]], "the machine heard something"
    assert {e["voice"] for e in heard} == {"alice"}
    assert any("called again in ten minutes" in e["text"] for e in heard if e["to"] == snooze)
