"""Worst case 2: the caller stands still right after the gate, longer than its claim, its session and T_resolve live.

SIGSTOP, and SIGCONT when another member has taken over and said what became of the try. Where it stood before its last
look at the clock it sees that the claim is old, and sends nothing. Where it stood behind that look, nothing in the
world can hold the request back: the phone rings once, for a try that was written off, and never again.
"""

from __future__ import annotations

import time

import pytest

from tests.integration.worst_cases.world import CALLS, LONG, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_paused_after_the_gate(small: World) -> None:
    """A zombie that goes on makes at most the one call of its try, and nobody has made another meanwhile."""
    pause(small, "hands.2-checked")
    if small.scale is LONG:  # the harmless half is left to the long form
        pause(small, "hands.1-gated")


def pause(small: World, point: str) -> None:
    with small.case(f"2 pause after the gate, at {point}") as case:
        small.run(CALLS, failpoint=f"{point}=1:stop")
        number = case.remind("stretch", in_s=1)
        case.until("calls stands still", lambda: small.is_paused(CALLS))
        began_s = time.monotonic()
        small.run("calls-b")
        known = "UNKNOWN" if small.scale.pause_s else "NOT_PLACED"
        case.until("another member has taken over", lambda: known in case.states(number))
        small.let_pass(small.scale.pause_s - (time.monotonic() - began_s))
        assert case.created(number) == 0
        small.let_go_on(CALLS)
        if point == "hands.2-checked":
            case.until("the zombie's request arrives", lambda: case.created(number) == 1)
        else:
            case.until("the zombie has seen that it is late", lambda: "NOT_SENT" in case.states(number))
        small.end("calls-b")
