"""The HTTP interface: a token, plain refusals, whole answers, each as the document says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # its types are a package of their own

from connectors.metrics import PrometheusMetrics
from connectors.views import openapi
from connectors.views.asking import Answers
from connectors.views.http import create_app
from schemas import codec
from streams.ids import user_key
from streams.views.metrics import VIEWS_METRICS
from streams.views.rows import DAY_MS
from streams.views.tables import KEEP_DAYS, Tables
from tests.unit.views.feeding import NOW_MS, Line, batch, feed, logs_of
from tests.unit.views.traffic import Written, call, charge, dead_letter, due, event, traffic

pytestmark = pytest.mark.anyio
TOKEN = "a-token-of-a-test-only"
USER = user_key("acme", "+14155550101")
PATH = "/v1/tenants/acme/users/+14155550101/reminders"


class Standing:
    """A worker's, set by hand."""

    def __init__(self) -> None:
        self.whole = True

    def standing(self) -> dict[str, Any]:
        part: dict[str, Any] = {"topic": "reminders.events", "partition": 0, "next": 1, "handed": 1}
        part |= {"fetched": None, "end": None}
        as_of = NOW_MS if self.whole else None
        return {
            "as_of": as_of,
            "complete_since": None,
            "whole": self.whole,
            "held": None,
            "partitions": [part],
        }


@pytest.fixture
def standing() -> Standing:
    return Standing()


@pytest.fixture
def metrics() -> PrometheusMetrics:
    return PrometheusMetrics(VIEWS_METRICS)


@pytest.fixture
async def client(
    tables: Tables, standing: Standing, metrics: PrometheusMetrics
) -> AsyncIterator[httpx.AsyncClient]:
    answers = Answers(tables, lambda _topic, value, _at: codec.decode(value).record, lambda: NOW_MS)
    transport = httpx.ASGITransport(app=create_app(answers, standing, TOKEN, metrics))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://views", headers=headers) as found:
        yield found


def described(path: str, answer: httpx.Response) -> Any:
    """The JSON of an answer, held against the document."""
    document = openapi.document()
    operation = document["paths"][path]["get"]
    schema = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json())
    return answer.json()


def the_life() -> list[Written]:
    from decimal import Decimal

    about: dict[str, Any] = {"reminder_id": "r-1", "due_at": NOW_MS + 60_000, "number": 3}
    at = NOW_MS + 60_000
    return [
        event("SCHEDULED", USER, NOW_MS, message_sid="SM1", charged=True, **about),
        event("FIRED", USER, at, **about, attempt=1, **{"try": 1}),
        due(USER, "r-1", at, 1, "buy milk"),
        call(USER, "r-1", at, 1, "CLAIMED", None, at + 1),
        call(USER, "r-1", at, 1, "ANSWERED", "CA1", at + 900),
        call(USER, "r-1", at, 1, "COMPLETED", "CA1", at + 5_000),
        event("ANSWERED", USER, at + 950, **about, attempt=1, **{"try": 1}),
        charge(USER, f"answered:r-1:{at}", "answered", Decimal("0.020000"), at + 960),
    ]


async def test_the_life_of_a_reminder(client: httpx.AsyncClient, tables: Tables) -> None:
    """What support asks: what was asked, when it was due, how often it rang, what came of it, what it cost."""
    feed(tables, logs_of(the_life()))
    (found,) = described(openapi.REMINDERS, await client.get(PATH))["reminders"]
    assert (found["state"], found["number"], found["subject"], found["message_sid"]) == (
        "ANSWERED",
        3,
        "buy milk",
        "SM1",
    )
    (occurrence,) = found["occurrences"]
    (attempt,) = occurrence["attempts"]
    assert (attempt["attempt"], attempt["outcome"]) == (1, "ANSWERED")
    assert [c["state"] for c in attempt["calls"]] == ["CLAIMED", "ANSWERED", "COMPLETED"]
    assert occurrence["charge"]["amount"] == "0.02"
    assert [e["type"] for e in found["events"]] == ["SCHEDULED", "FIRED", "ANSWERED"]


async def test_a_snoozed_reminder_has_two_occurrences(client: httpx.AsyncClient, tables: Tables) -> None:
    """It is due when it was last moved to; what was before keeps its end."""
    later = event("CHANGED", USER, NOW_MS + 70_000, reminder_id="r-1", due_at=NOW_MS + 660_000)
    feed(tables, logs_of([*the_life(), later]))
    (found,) = described(openapi.REMINDERS, await client.get(PATH))["reminders"]
    assert found["state"] == "WAITING"
    assert [o["state"] for o in found["occurrences"]] == ["ANSWERED", "WAITING"]


async def test_the_latest_reminder_comes_first(client: httpx.AsyncClient, tables: Tables) -> None:
    """By what happened last, whatever the reminders are called; and page by page."""
    times = {"r-1": 3, "r-2": 9, "r-3": 6}
    asked = [
        event("SCHEDULED", USER, NOW_MS + at, reminder_id=name, message_sid=f"SM{at}", due_at=NOW_MS + 60_000)
        for name, at in times.items()
    ]
    feed(tables, logs_of(asked))
    found, cursor = list[str](), ""
    while True:
        page = described(openapi.REMINDERS, await client.get(f"{PATH}?limit=1{cursor}"))
        found += [each["reminder_id"] for each in page["reminders"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == ["r-2", "r-3", "r-1"]


async def test_every_path_answers_as_the_document_says(client: httpx.AsyncClient, tables: Tables) -> None:
    """On traffic of many users, with something skipped and something dead."""
    feed(tables, logs_of(traffic(3, 40, NOW_MS)))
    tables.apply(batch(("dead.letters", 9), [Line(0, NOW_MS, b"nonsense")]))
    for path in openapi.document()["paths"]:
        if path == openapi.REMINDERS:
            continue
        found = described(path, await client.get(path.replace("{tenant}", "acme")))
        assert found["as_of"] == "2026-11-21T22:26:40.000Z"
    assert found["skipped"]["latest"][0]["topic"] == "dead.letters"


async def test_the_document_is_served_without_a_token(client: httpx.AsyncClient) -> None:
    """It says nothing of anybody."""
    answer = await client.get("/openapi.json", headers={"Authorization": ""})
    assert answer.json() == openapi.document()


@pytest.mark.parametrize("given", ["", "Bearer", f"Bearer {TOKEN}x", TOKEN, "Bearer wrong", "Basic eDp5"])
async def test_without_the_token_nothing_is_told(client: httpx.AsyncClient, given: str) -> None:
    """Not even whether a path has anything behind it."""
    for path in openapi.document()["paths"]:
        asked = path.replace("{tenant}", "acme").replace("{phone}", "+14155550101")
        answer = await client.get(asked, headers={"Authorization": given})
        assert described(path, answer)["error"] == "unauthorized"
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_no_half_answers(client: httpx.AsyncClient, standing: Standing, tables: Tables) -> None:
    """While the topics are still being read only the status is told."""
    feed(tables, logs_of(the_life()))
    standing.whole = False
    answer = await client.get(PATH)
    assert answer.status_code == 503
    assert described(openapi.REMINDERS, answer)["error"] == "not_whole_yet"
    assert int(answer.headers["retry-after"]) > 0
    assert described(openapi.STATUS, await client.get(openapi.STATUS))["whole"] is False


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/v1/tenants/acme/users/14155550101/reminders", "bad_phone"),
        (PATH + "?limit=0", "bad_limit"),
        (PATH + "?limit=1000000000000", "bad_limit"),
        (PATH + "?cursor=nonsense", "bad_cursor"),
        (PATH + "?colour=red", "unknown_parameter"),
        ("/v1/tenants/acme/counts?window=week", "bad_window"),
        ("/v1/tenants/acme/counts?from=yesterday", "bad_time"),
        ("/v1/tenants/acme/counts?from=1969-01-01", "bad_time"),
        ("/v1/tenants/acme/counts?from=2026-11-21T10:00:00Z&to=2026-11-21T09:00:00Z", "bad_time"),
        ("/v1/tenants/acme/counts?from=2020-01-01", "too_long_ago"),
        ("/v1/tenants/acme/charges?from=2026-11-21&to=2026-11-21", "bad_time"),
        ("/v1/dead-letters?limit=x", "bad_limit"),
    ],
)
async def test_a_wrong_question_is_told_what_is_wrong(
    client: httpx.AsyncClient, path: str, reason: str
) -> None:
    """With a word for programs and a sentence for people."""
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["error"]) == (400, reason)


@pytest.mark.parametrize(("path", "status"), [("/", 404), ("/v1/tenants/a/b/c", 404), ("/v2/tenants", 404)])
async def test_other_paths_are_refused_as_json(client: httpx.AsyncClient, path: str, status: int) -> None:
    """And so is another method."""
    assert (await client.get(path)).status_code == status
    assert (await client.post("/v1/tenants")).json()["error"] == "get_only"


async def test_late_records_go_into_their_own_window(client: httpx.AsyncClient, tables: Tables) -> None:
    """Counted by `at`: what comes days after all the others changes the window it tells of, and no other."""
    path = "/v1/tenants/acme/counts?window=hour&from=2026-11-20&to=2026-11-22"
    early, now = NOW_MS - 20 * 3_600_000, NOW_MS
    feed(tables, logs_of([event("REFUSED", USER, now, message_sid="SM1")]))
    late = [event("REFUSED", USER, early + n, message_sid=f"SM-late-{n}") for n in range(3)]
    log = [Line(1 + n, NOW_MS, each.value) for n, each in enumerate(late)]
    place = next(p for p in tables.positions if tables.next(p) == 1)
    tables.apply(batch(place, log))
    windows = described(openapi.COUNTS, await client.get(path))["windows"]
    assert [(w["from"], w["events"]["REFUSED"]) for w in windows] == [
        ("2026-11-21T02:00:00.000Z", 3),
        ("2026-11-21T22:00:00.000Z", 1),
    ]


async def test_pages_hold_everything_once(client: httpx.AsyncClient, tables: Tables) -> None:
    """Dead letters and windows, a few at a time, filtered and not."""
    feed(tables, logs_of([dead_letter(n, "odd" if n % 2 else "even", NOW_MS + n) for n in range(23)]))
    for query, expected in (("limit=4", 23), ("limit=4&reason=odd", 11), ("limit=9&source_topic=x", 0)):
        ids, cursor = list[str](), ""
        while True:
            page = described(openapi.DEAD_LETTERS, await client.get(f"/v1/dead-letters?{query}{cursor}"))
            ids += [letter["id"] for letter in page["latest"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert len(ids) == len(set(ids)) == expected
        assert sum(each["count"] for each in page["counts"]) == expected


async def test_money_is_exact(client: httpx.AsyncClient, tables: Tables) -> None:
    """A hundred thousand charges of a millionth are a tenth, and the largest amount keeps its last digit."""
    from decimal import Decimal

    many = [charge(USER, f"sms:SM{n}", "sms", Decimal("0.000001"), NOW_MS) for n in range(1_000)]
    large = charge(USER, f"answered:r:{NOW_MS}", "answered", Decimal("999999999999.999999"), NOW_MS)
    feed(tables, logs_of([*many, large]), at_once=500)
    days = described(openapi.CHARGES, await client.get("/v1/tenants/acme/charges"))["days"]
    assert {d["kind"]: d["amount"] for d in days} == {"sms": "0.001", "answered": "999999999999.999999"}


async def test_counts_reach_as_far_back_as_they_are_kept(client: httpx.AsyncClient) -> None:
    """The oldest day that can be asked for is a whole one."""
    oldest = (NOW_MS // DAY_MS - KEEP_DAYS) * DAY_MS // 1000
    from datetime import UTC, datetime

    day = datetime.fromtimestamp(oldest, UTC).date()
    answer = await client.get(f"/v1/tenants/acme/counts?window=day&from={day}")
    assert answer.status_code == 200


async def test_questions_are_counted_without_saying_about_whom(
    client: httpx.AsyncClient, metrics: PrometheusMetrics
) -> None:
    """The label is the path as it is written in the document."""
    await client.get(PATH)
    await client.get(PATH, headers={"Authorization": ""})
    for status in ("200", "401"):
        labels = {"endpoint": openapi.REMINDERS, "status": status}
        assert metrics.value("ringback_views_requests_total", **labels) == 1
    assert b"4155550101" not in metrics.page()[0]
