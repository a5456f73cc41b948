"""Worst cases 5 and 6, on three brokers: a coordinator dies in the middle of a commit; two of three are lost, and back.

5: the caller's EndTxn is held at its coordinator, which is killed with it: nobody knows whether the claim, or what
became of a call, was committed. Two brokers are enough for all that follows.
6: with one broker left nothing can be written, and nothing new be read. Phones that ring then are picked up when the
brokers are back; what falls due meanwhile is called then.
"""

from __future__ import annotations

import pytest

from infra.chaos import END_TXN
from tests.integration.worst_cases.world import CALLS, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_the_coordinator_is_killed_in_the_middle_of_a_commit(large: World) -> None:
    """A commit that nobody can tell the end of is told by the log; no claim or result of it is made twice or lost."""
    with large.case("5 coordinator killed mid-commit") as case:
        large.run(CALLS, proxied=True)
        case.remind("warm up", in_s=1)
        case.settle()
        for proxy in large.proxies.values():
            proxy.hold(END_TXN)
        case.remind("stretch", in_s=1)

        def committing() -> list[int]:
            return [node for node, proxy in large.proxies.items() if proxy.held(END_TXN)]

        case.until("a commit is on its way", lambda: bool(committing()))
        node = committing()[0]
        large.cluster.kill_broker(node)
        large.proxies[node].drop()
        for proxy in large.proxies.values():
            proxy.release()
        case.remind("breathe", in_s=1)
        case.settle()
        large.cluster.start_broker(node)


def test_two_of_three_brokers_are_lost(large: World) -> None:
    """Without a majority everything waits; nobody is called twice for it, and nothing is lost."""
    with large.case("6 two of three brokers lost") as case:
        large.run(CALLS)
        case.remind("warm up", in_s=1)
        case.settle()
        # Answered, and so told, only when there is a broker again; the carrier's ring timeout is 30 s.
        phone = {"outcome": "answer", "after_s": large.scale.outage_s + large.scale.back_s}
        ringing = case.remind("stretch", in_s=1, phone=phone)
        waiting = [case.remind("breathe", in_s=4, phone=phone) for _ in range(4)]
        case.until("all are scheduled", lambda: all("SCHEDULED" in case.facts(n) for n in waiting))
        case.until("one rings", lambda: case.created(ringing) == 1)
        large.cluster.kill_broker(2)
        large.cluster.kill_broker(3)
        large.let_pass(large.scale.outage_s)
        large.cluster.start_broker(2, wait=False)
        large.cluster.start_broker(3)
