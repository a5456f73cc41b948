"""What the answers say, in the shape of the oracle: asked page by page, as a caller would."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

Get = Callable[[str], Any]
"""A path with its query → the JSON of a 200."""
DAY_MS = 86_400_000


def pages(get: Get, path: str, **ask: Any) -> Iterable[Any]:
    """Every page. What `next` is called in the next question is the caller's to know: `cursor`, or `from`."""
    cursor = "from" if path.endswith(("counts", "charges")) else "cursor"
    while True:
        page = get(f"{path}?{urlencode(ask)}")
        yield page
        if page["next"] is None:
            return
        ask[cursor] = page["next"]


def figures(get: Get, users: Iterable[str], now_ms: int, at_once: int = 3) -> dict[str, Any]:
    """The whole of it, `at_once` reminders of a user a page."""
    tenants = [each["tenant"] for each in get("/v1/tenants")["tenants"]]
    letters = get("/v1/dead-letters")["counts"]
    status = get("/v1/status")["skipped"]["counts"]
    skipped: Counter[str] = Counter()
    for each in status:
        skipped[each["source_topic"]] += each["count"]
    counts = {tenant: _counts(get, tenant, now_ms) for tenant in tenants}
    charges = {tenant: _charges(get, tenant, now_ms) for tenant in tenants}
    lives = {user: _lives(get, user, at_once) for user in users}
    return {
        "counts": {tenant: found for tenant, found in counts.items() if found},
        "charges": {tenant: found for tenant, found in charges.items() if found},
        "dead": {(each["source_topic"], each["reason"]): each["count"] for each in letters},
        "lives": {user: found for user, found in lives.items() if found},
        "skipped": dict(skipped),
    }


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ms(instant: str) -> int:
    return round(datetime.fromisoformat(instant).timestamp() * 1000)


def _counts(get: Get, tenant: str, now_ms: int) -> dict[tuple[int, str], int]:
    ask = {"window": "minute", "from": _iso(now_ms - 5 * DAY_MS), "to": _iso(now_ms + DAY_MS), "limit": 1_500}
    found: dict[tuple[int, str], int] = {}
    for page in pages(get, f"/v1/tenants/{tenant}/counts", **ask):
        for window in page["windows"]:
            minute = _ms(window["from"]) // 60_000
            found |= {(minute, what): count for what, count in window["events"].items()}
            found |= {(minute, f"call:{state}"): count for state, count in window["calls"].items()}
    return found


def _charges(get: Get, tenant: str, now_ms: int) -> dict[tuple[str, str, str], tuple[int, Decimal]]:
    ask = {"from": _iso(now_ms - 10 * DAY_MS)[:10], "to": _iso(now_ms + 2 * DAY_MS)[:10]}
    return {
        (each["day"], each["currency"], each["kind"]): (each["charges"], Decimal(each["amount"]))
        for page in pages(get, f"/v1/tenants/{tenant}/charges", **ask)
        for each in page["days"]
    }


def _lives(get: Get, user: str, at_once: int) -> dict[str, frozenset[str]]:
    tenant, _, phone = user.partition("|")
    path = f"/v1/tenants/{tenant}/users/{quote(phone)}/reminders"
    found: dict[str, frozenset[str]] = defaultdict(frozenset)
    for page in pages(get, path, limit=at_once):
        for each in page["reminders"]:
            assert each["reminder_id"] not in found, "a reminder on two pages"
            found[each["reminder_id"]] = frozenset(e["event_id"] for e in each["events"])
    return dict(found)
