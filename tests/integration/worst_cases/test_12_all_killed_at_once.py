"""Worst case 12: broker, Redis, gateway and every stage are killed in the same moment, and started again.

Some phones ring just then, some reminders are being claimed, some fall due while nothing runs. The carrier goes on: its
callbacks of that time are lost, and it fetches the words when somebody picks up. Where that is before the restart, the
end of the call is lost as well, and is asked for a minute later: nobody has heard it, so the next attempt follows.
"""

from __future__ import annotations

import pytest

from tests.integration.worst_cases.world import CALLS, OTHERS, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_everything_is_killed_at_once(small: World) -> None:
    """Kafka's log is enough to go on from: nothing is called twice, nothing is lost."""
    with small.case("12 all killed at once") as case:
        small.rest()
        phone = {"outcome": "answer", "after_s": 15}
        numbers = [case.remind("stretch", in_s=3 + n // 4, phone=phone) for n in range(16)]
        case.until("all are scheduled", lambda: all("SCHEDULED" in case.facts(n) for n in numbers[-2:]))
        case.until("some ring", lambda: case.created() >= 4)
        small.kill_all()
        small.cluster.kill_broker(1)
        small.cluster.stop_redis(kill=True)
        small.cluster.start_broker(1)
        small.cluster.start_redis()
        small.restart_gateway()
        small.run("others", *OTHERS)
        small.run(CALLS)
