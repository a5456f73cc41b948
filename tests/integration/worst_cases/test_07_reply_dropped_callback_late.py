"""Worst case 7: the carrier places the call, its reply is lost, and its callbacks come 100 s late.

All that is known is that a request went out. The carrier's list knows more: it names the call, and then its end.
One phone is answered, so that the answer gate hears of it first; the other is busy, and is known from the list alone,
and is called once more as after any busy call. The late callbacks tell nothing new by then.
"""

from __future__ import annotations

import pytest

from tests.integration.worst_cases.world import ANSWER, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_the_reply_is_dropped_and_the_callbacks_are_late(small: World) -> None:
    """An UNKNOWN is found by asking, not by asking again to call; late callbacks change nothing."""
    control = small.simulator.control
    with small.case("7 reply dropped, callback late") as case:
        small.rest()
        for phone in ([ANSWER], [{"outcome": "busy"}, ANSWER]):
            number = case.user()
            control.behave(number, *phone)
            control.fault("calls", "act_then_drop", op="create", to=number)
            control.fault("callback", "delay", to=number, delay_s=small.scale.callback_s, count=4)
            case.text(number, "Remind me to stretch in 1 second")
        case.until("both were found", lambda: not case.judge_now().missing, small.scale.resolve_s + 60)

        def late() -> int:
            truth = control.truth()
            mine = {e["sid"] for e in truth if e["type"] == "call.created" and e["to"] in case.numbers}
            sent = [e for e in truth if e["type"] == "webhook.answered" and e["kind"] == "callback"]
            return sum(event["sid"] in mine for event in sent)

        # Four of a call that is answered, three of one that is not.
        case.until("the late callbacks have come", lambda: late() == 11, small.scale.callback_s + 30)
    assert case.verdict is not None
    assert case.verdict.unknown == 2, "both requests were unknown"
    assert case.created() == 3
    assert case.verdict.heard == 2
