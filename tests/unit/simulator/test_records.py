"""Lists, dates and segments as the API shows them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.simulator.listing import MESSAGE_TIMES, Ledger, QueryError
from infra.simulator.records import Message, rfc2822
from infra.simulator.settings import Account

ACCOUNT = Account()
DAY_MS = 86_400_000
LEDGER_KEEP = 100


def message(
    to: str = "+14155550101", body: str = "x", sent_at: int | None = None, status: str = "sent"
) -> Message:
    made = Message(ACCOUNT, to, "+14155550100", body, None, status=status)
    made.started_at = sent_at
    return made


def test_times_are_printed_as_rfc_2822_says() -> None:
    """In UTC, cut off to the second."""
    assert rfc2822(1_283_286_988_999) == "Tue, 31 Aug 2010 20:36:28 +0000"
    assert rfc2822(None) is None


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("☎" * 70, 1),
        ("☎" * 71, 2),
        ("😀" * 35, 1),
    ],
)
def test_segments(body: str, segments: int) -> None:
    """160 characters of ASCII or 70 UTF-16 units alone, 153 or 67 each in a chain."""
    assert message(body=body).segments == segments


@given(st.lists(st.sampled_from("ab"), max_size=40), st.integers(1, 7))
def test_paging_is_the_list_in_pieces(numbers: list[str], size: int) -> None:
    """Following the tokens gives every record of the number once, newest first, in pages that are full but the last."""
    ledger: Ledger[Message] = Ledger(MESSAGE_TIMES, LEDGER_KEEP)
    for number in numbers:
        ledger.add(message(to=number))
    query = {"To": "a", "PageSize": str(size)}
    seen: list[Message] = []
    while True:
        page, token = ledger.page(query)
        seen += page
        if token is None:
            break
        assert len(page) == size
        query["PageToken"] = token
    assert seen == [record for record in reversed(list(ledger.all())) if record.to == "a"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, True),
        ({"DateSent": "1970-01-03"}, True),
        ({"DateSent": "1970-01-03T23:59:59Z"}, True),
        ({"DateSent": "1970-01-02"}, False),
        ({"DateSent>": "1970-01-03T23:59:59Z"}, True),
        ({"DateSent>": "1970-01-04"}, False),
        ({"DateSent<": "1970-01-04"}, True),
        ({"DateSent<": "1970-01-03T23:59:59Z"}, False),
        ({"DateSent>": "1970-01-01", "DateSent<": "1970-01-02"}, False),
    ],
)
def test_dates_filter_by_the_day(query: dict[str, str], found: bool) -> None:
    """The time of day of a filter counts for nothing; an unsent record passes no filter on its date."""
    ledger: Ledger[Message] = Ledger(MESSAGE_TIMES, LEDGER_KEEP)
    sent, unsent = message(sent_at=2 * DAY_MS + 1), message()
    ledger.add(sent)
    ledger.add(unsent)
    page, _ = ledger.page(query)
    assert (sent in page) is found
    assert (unsent in page) is (not query)


@pytest.mark.parametrize("query", [{"DateSent": "yesterday"}, {"PageSize": "0"}, {"PageSize": "many"}])
def test_a_filter_that_cannot_be_read_is_an_error(query: dict[str, str]) -> None:
    """Not an empty list, which would be taken for an answer."""
    ledger: Ledger[Message] = Ledger(MESSAGE_TIMES, LEDGER_KEEP)
    ledger.add(message(sent_at=0))
    with pytest.raises(QueryError):
        ledger.page(query)


def test_the_oldest_that_ended_is_forgotten() -> None:
    """Beyond its bound a ledger drops what is over, never what is still on its way."""
    ledger: Ledger[Message] = Ledger(MESSAGE_TIMES, 2)
    on_its_way, over, newest = message(), message(status="delivered"), message()
    for record in (on_its_way, over, newest):
        ledger.add(record)
    assert list(ledger.all()) == [on_its_way, newest]
    assert ledger.get(over.sid) is None
