"""An account's calls per second: what is accepted is dialled at that pace, in order."""

from collections.abc import Iterator
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]

from infra.simulator import Account, RunningSimulator, start
from tests.behaviour.carrier.conftest import ALICE, HELLO, OURS, official, quick

PER_SECOND = 20.0


@pytest.fixture
def paced() -> Iterator[RunningSimulator]:
    with start(quick(accounts=(Account(calls_per_second=PER_SECOND),))) as simulator:
        yield simulator


def create(client: Any, count: int) -> list[Any]:
    calls = [client.calls.create(to=ALICE, from_=OURS, twiml=HELLO) for _ in range(count)]
    client.http_client.session.close()
    return calls


def test_calls_are_dialled_in_order_at_the_pace(paced: RunningSimulator) -> None:
    """Never faster than the pace by more than one burst of 50 ms, and each call knows about how long it waits."""
    calls = create(official(paced), 10)
    paced.control.wait_for("call.dialed", lambda event: event["sid"] == calls[-1].sid)
    dialled = paced.control.truth(type_="call.dialed")
    assert [event["sid"] for event in dialled] == [call.sid for call in calls]
    took_ms = dialled[-1]["mono_ms"] - dialled[0]["mono_ms"]
    assert took_ms >= 9 * 1000 / PER_SECOND - 51
    assert calls[0].queue_time == "0"
    waits = [event["queue_time_ms"] for event in paced.control.truth(type_="call.queued")]
    assert waits == sorted(waits)
    assert 0 < waits[-1] <= 9 * 1000 / PER_SECOND


def test_a_queued_call_that_is_canceled_frees_its_place() -> None:
    """It is never dialled, and the one behind it takes its turn."""
    with start(quick(accounts=(Account(calls_per_second=2.0),))) as simulator:
        client = official(simulator)
        first, second, third = create(client, 3)
        assert client.calls(second.sid).update(status="canceled").status == "canceled"
        simulator.control.wait_for("call.dialed", lambda event: event["sid"] == third.sid)
        dialled = {event["sid"]: event["mono_ms"] for event in simulator.control.truth(type_="call.dialed")}
        assert set(dialled) == {first.sid, third.sid}
        assert dialled[third.sid] - dialled[first.sid] < 900  # two turns would be 1,000
        client.http_client.session.close()


def test_a_full_queue_refuses_with_429() -> None:
    """Beyond the limit a call is refused and does not exist."""
    with start(quick(accounts=(Account(calls_per_second=0.01),), queue_limit=2)) as simulator:
        client = official(simulator)
        create(client, 3)
        with pytest.raises(TwilioRestException) as refused:
            client.calls.create(to=ALICE, from_=OURS, twiml=HELLO)
        assert (refused.value.status, refused.value.code) == (429, 20429)
        assert len(client.calls.list()) == 3
        client.http_client.session.close()
