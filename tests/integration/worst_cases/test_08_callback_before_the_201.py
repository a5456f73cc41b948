"""Worst case 8: callbacks, and the whole call, come before the 201 that names it.

The carrier acts at once and answers its API 1.5 s later; by then the phone was picked up and the words were heard.
"""

from __future__ import annotations

import pytest

from tests.integration.worst_cases.world import ANSWER, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_callbacks_come_before_the_answer_that_names_the_call(small: World) -> None:
    """Evidence counts in any order: one call, heard once; a busy one is followed by the next attempt."""
    control = small.simulator.control
    with small.case("8 callback before the 201") as case:
        small.rest()
        for phone in ([ANSWER], [{"outcome": "busy"}, ANSWER]):
            number = case.user()
            control.behave(number, *phone)
            control.fault("calls", "slow", op="create", to=number, after_s=1.5)
            case.text(number, "Remind me to stretch in 1 second")
    assert case.created() == 3
    assert case.verdict is not None
    assert case.verdict.heard == 2
