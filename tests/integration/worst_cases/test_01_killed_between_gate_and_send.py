"""Worst case 1: the caller is killed between the gate's yes and the request, and right behind the request.

The successor finds a try that is gated, and cannot know whether the carrier was asked. It must not ask again. Two of
three were not: they end as NOT_PLACED, and an SMS says what the call would have said. The third was, and is found.
"""

from __future__ import annotations

import pytest

from tests.integration.worst_cases.world import CALLS, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

CALLED = {"hands.1-gated": 0, "hands.2-checked": 0, "hands.3-answered": 1}


def test_killed_between_the_gate_and_the_request(small: World) -> None:
    """What may have been sent is never sent again; what was not sent ends in writing; what was is found."""
    numbers = {}
    with small.case("1 kill between gate and send") as case:
        for point in CALLED:
            small.run(CALLS, failpoint=point)
            numbers[point] = case.remind("stretch", in_s=1)
            case.until(f"calls died at {point}", lambda: not small.child(CALLS).running)
        small.run(CALLS)
    assert {point: case.created(number) for point, number in numbers.items()} == CALLED
    for point, calls in CALLED.items():
        end = "ANSWERED" if calls else "GAVE_UP"
        assert end in case.facts(numbers[point]), point
