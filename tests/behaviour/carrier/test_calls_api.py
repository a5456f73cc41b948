"""The Calls resource, through the official client."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]

from infra.simulator import Account, RunningSimulator, start
from tests.behaviour.carrier.conftest import ALICE, BOB, HELLO, OURS, official, quick

SILENT = {"outcome": "no-answer"}


def test_a_created_call_reads_the_same_when_fetched(client: Any) -> None:
    """What create returned (sid, numbers, dates) is what fetch returns, and price and times start out empty."""
    created = client.calls.create(to=ALICE, from_=OURS, twiml=HELLO)
    assert (created.status, created.direction, created.price) == ("queued", "outbound-api", None)
    assert created.sid[:2] == "CA"
    assert int(created.sid[2:], 16) >= 0
    assert abs(created.date_created - datetime.now(UTC)) < timedelta(seconds=5)
    fetched = client.calls(created.sid).fetch()
    for field in ("sid", "account_sid", "to", "_from", "date_created", "api_version", "uri"):
        assert getattr(fetched, field) == getattr(created, field)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": "4155550101"}, 21211),
        ({"to": ""}, 21201),
        ({"from_": "milk"}, 21212),
        ({"twiml": None, "url": "not a url"}, 21205),
        ({"timeout": 601}, 20001),
    ],
)
def test_a_wrong_request_is_refused_with_twilios_code(client: Any, fields: dict[str, Any], code: int) -> None:
    """Each is a 400 with the code, and no call comes of it."""
    request = {"to": ALICE, "from_": OURS, "twiml": HELLO, **fields}
    with pytest.raises(TwilioRestException) as refused:
        client.calls.create(**{name: value for name, value in request.items() if value is not None})
    assert (refused.value.status, refused.value.code) == (400, code)
    assert client.calls.list() == []


def test_a_wrong_token_is_refused(simulator: RunningSimulator) -> None:
    """401 with 20003, for creating as for reading."""
    client = official(simulator, token="guess")
    with pytest.raises(TwilioRestException) as refused:
        client.calls.create(to=ALICE, from_=OURS, twiml=HELLO)
    client.http_client.session.close()
    assert (refused.value.status, refused.value.code) == (401, 20003)


def test_an_unknown_sid_is_not_found(client: Any) -> None:
    """404 with 20404."""
    with pytest.raises(TwilioRestException) as missing:
        client.calls("CA" + uuid.uuid4().hex).fetch()
    assert (missing.value.status, missing.value.code) == (404, 20404)


def test_accounts_do_not_see_each_other() -> None:
    """A second account lists none of the first one's calls and cannot fetch them."""
    other = Account(sid="AC" + "7" * 32, token="another", calls_per_second=None)
    with start(quick(accounts=(Account(), other))) as simulator:
        mine, theirs = official(simulator), official(simulator)
        theirs.username, theirs.password, theirs.auth = other.sid, other.token, (other.sid, other.token)
        theirs.account_sid = other.sid
        sid = mine.calls.create(to=ALICE, from_=OURS, twiml=HELLO).sid
        assert theirs.calls.list() == []
        with pytest.raises(TwilioRestException, match="not found"):
            theirs.calls(sid).fetch()
        for client in (mine, theirs):
            client.http_client.session.close()


def test_lists_filter_by_numbers_and_status(client: Any, simulator: RunningSimulator) -> None:
    """To, From and Status each narrow the list, and together they narrow it further."""
    simulator.control.behave(BOB, {"outcome": "busy", "after_s": 0})
    to_alice = client.calls.create(to=ALICE, from_=OURS, twiml="<Response><Pause length='60'/></Response>")
    to_bob = client.calls.create(to=BOB, from_=OURS, twiml=HELLO)
    from_bob = client.calls.create(to=ALICE, from_=BOB, twiml="<Response><Pause length='60'/></Response>")
    simulator.control.wait_for("call.ended", lambda event: event["sid"] == to_bob.sid)

    def sids(**filters: Any) -> set[str]:
        return {call.sid for call in client.calls.list(**filters)}

    assert sids() == {to_alice.sid, to_bob.sid, from_bob.sid}
    assert sids(to=ALICE) == {to_alice.sid, from_bob.sid}
    assert sids(to=ALICE, from_=OURS) == {to_alice.sid}
    assert sids(from_=OURS, status="busy") == {to_bob.sid}
    assert sids(to=ALICE, status="busy") == set()


def test_start_time_filters_by_date_and_leaves_out_what_is_queued() -> None:
    """A call without a start time passes no StartTime filter; others pass by their UTC date alone."""
    with start(quick(accounts=(Account(calls_per_second=0.01),))) as simulator:
        client = official(simulator)
        dialled = client.calls.create(to=ALICE, from_=OURS, twiml=HELLO)
        queued = client.calls.create(to=ALICE, from_=OURS, twiml=HELLO)
        simulator.control.wait_for("call.dialed")
        began = client.calls(dialled.sid).fetch().start_time
        assert client.calls(queued.sid).fetch().start_time is None
        midnight = began.replace(hour=0, minute=0, second=0)
        day = timedelta(days=1)

        def sids(**filters: Any) -> list[str]:
            return [call.sid for call in client.calls.list(to=ALICE, **filters)]

        assert sids() == [queued.sid, dialled.sid]
        assert sids(start_time=midnight + timedelta(hours=23, minutes=59)) == [dialled.sid]
        assert sids(start_time_after=midnight + timedelta(hours=23, minutes=59)) == [dialled.sid]
        assert sids(start_time_before=midnight + day) == [dialled.sid]
        assert sids(start_time_before=began + timedelta(seconds=30)) == []
        assert sids(start_time=midnight - day) == []
        assert sids(start_time_after=midnight + day) == []
        client.http_client.session.close()


def test_paging_shows_each_call_once_newest_first(client: Any) -> None:
    """Seven calls in pages of three are seven calls, newest first, also when more come in between the pages."""
    created = [client.calls.create(to=ALICE, from_=OURS, twiml=HELLO).sid for _ in range(7)]
    first = client.calls.page(to=ALICE, page_size=3)
    seen = [call.sid for call in first]
    client.calls.create(to=ALICE, from_=OURS, twiml=HELLO)
    page, sizes = first, [len(seen)]
    while page.next_page_url is not None:
        page = page.next_page()
        more = [call.sid for call in page]
        seen, sizes = seen + more, [*sizes, len(more)]
    assert seen == created[::-1]
    assert sizes == [3, 3, 1]


def test_canceled_takes_back_a_call_that_rings(
    call: Callable[..., Any], client: Any, simulator: RunningSimulator
) -> None:
    """It ends as canceled at once, the callee hears nothing, and a callback tells of it."""
    simulator.control.behave(ALICE, SILENT)
    placed = call()
    simulator.control.wait_for("call.ringing")
    assert client.calls(placed.sid).update(status="canceled").status == "canceled"
    ended = simulator.control.wait_for("call.ended")
    assert (ended["status"], ended["by"]) == ("canceled", "api")
    assert simulator.control.truth(type_="call.heard") == []
    assert client.calls(placed.sid).update(status="completed").status == "canceled"  # an end stays


def test_canceled_leaves_a_call_in_progress_alone_and_completed_ends_it(
    client: Any, simulator: RunningSimulator
) -> None:
    """The two words differ exactly there."""
    placed = client.calls.create(to=ALICE, from_=OURS, twiml="<Response><Pause length='60'/></Response>")
    simulator.control.wait_for("call.answered")
    assert client.calls(placed.sid).update(status="canceled").status == "in-progress"
    assert client.calls(placed.sid).update(status="completed").status == "completed"
    fetched = client.calls(placed.sid).fetch()
    assert fetched.duration == "1"
    assert fetched.end_time is not None


def test_only_the_status_of_a_call_can_be_changed(client: Any, simulator: RunningSimulator) -> None:
    """Redirecting a call that is not in progress is 21220, as at the real carrier."""
    simulator.control.behave(ALICE, SILENT)
    placed = client.calls.create(to=ALICE, from_=OURS, twiml=HELLO)
    with pytest.raises(TwilioRestException) as refused:
        client.calls(placed.sid).update(twiml=HELLO)
    assert (refused.value.status, refused.value.code) == (400, 21220)
