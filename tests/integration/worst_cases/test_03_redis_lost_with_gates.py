"""Worst case 3: the Redis primary is lost with gates that no replica had, while a zombie stands behind its own gate.

The replica is detached, so the gate of the victim exists on the primary alone. The owner stands still behind it, the
primary dies, the replica takes its address: for it, nobody ever entered. The new owner must take the truth from Kafka
(the claim is there), not from the gate (it is not), and must not call. Then the zombie sends its request.
"""

from __future__ import annotations

import pytest

from tests.integration.worst_cases.redis_pair import RedisPair
from tests.integration.worst_cases.world import CALLS, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_the_primary_is_lost_with_a_gate_that_only_it_had(small: World) -> None:
    """A gate that was lost is not open: one call at most, the zombie's; who is due meanwhile is called as ever."""
    with (
        small.case("3 Redis primary lost, zombie") as case,
        RedisPair(small.cluster, small.folder / "replica") as pair,
    ):
        small.run(CALLS, failpoint="hands.2-checked=2:stop")
        case.remind("warm up", in_s=1)
        case.settle()
        case.until("the replica has everything", pair.in_step)
        pair.detach()
        victim = case.remind("stretch", in_s=1)
        case.until("calls stands still", lambda: small.is_paused(CALLS))
        # Gates of replies are named by two parts only.
        assert pair.lacks("ringback:gate:*|*|*|*") == 1, "only the primary has the victim's gate"
        pair.fail_over()
        small.run("calls-b")
        case.remind("breathe", in_s=2)
        case.until("the victim's try is written off", lambda: "NOT_PLACED" in case.states(victim), 180)
        assert case.created(victim) == 0
        small.let_go_on(CALLS)
        case.until("the zombie's request arrives", lambda: case.created(victim) == 1)
    small.end("calls-b")
