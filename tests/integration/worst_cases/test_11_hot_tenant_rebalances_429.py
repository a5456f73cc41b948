"""Worst case 11: one tenant's burst, members that come and go all the time, and a carrier that says 429 to a third.

Everything that makes tries, claims and owners change hands at once. A 429 certainly did not place a call, so the same
attempt is tried again as another K; a member that is killed may have placed one, so its K is not.
"""

from __future__ import annotations

import pytest

from tests.integration.worst_cases.world import CALLS, HOT_NUMBER, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

SPREAD_S = 6


def test_a_hot_tenant_in_a_storm_of_rebalances(small: World) -> None:
    """Calls stay one a K, and everybody is called or told in the end, those of the other tenant too."""
    control = small.simulator.control
    with small.case("11 hot tenant, rebalances, 429s") as case:
        small.rest()
        control.fault("calls", "respond", op="create", status=429, code=20429, count=None, probability=0.33)
        for n in range(small.scale.hot):
            case.remind(f"do task {n}", in_s=2 + SPREAD_S * n // small.scale.hot, to=HOT_NUMBER)
        for n in range(4):
            case.remind("stretch", in_s=3 + 2 * n)
        # Each change comes when the last one has been survived by some more calls. A member that runs is killed for
        # its successor of the same name, as when a supervisor starts it again at once.
        for change in ("start b", "kill a", "start c", "kill b"):
            before = case.created()
            case.until("calls go on", lambda before=before: case.created() > before + 2, 90)  # type: ignore[misc]
            who = change[-1]
            name = CALLS if who == "a" else f"calls-{who}"
            small.run(name)
        case.settle()
        small.end("calls-b")
        small.end("calls-c")
    assert case.verdict is not None
    assert case.verdict.keys > case.verdict.sms, "some were tried again"
