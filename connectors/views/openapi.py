"""The HTTP interface of the read models as an OpenAPI document: served at /openapi.json, kept beside this."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from typing import Any

from connectors.views import asking
from streams.views.sums import WINDOWS_MS
from streams.views.tables import KEEP_DAYS

Object = dict[str, Any]

DOCUMENT, STATUS = "/openapi.json", "/v1/status"
REMINDERS = "/v1/tenants/{tenant}/users/{phone}/reminders"
COUNTS, CHARGES = "/v1/tenants/{tenant}/counts", "/v1/tenants/{tenant}/charges"
TENANTS, DEAD_LETTERS = "/v1/tenants", "/v1/dead-letters"

_TIME: Object = {"type": "string", "format": "date-time"}
_DATE: Object = {"type": "string", "format": "date"}
_TEXT: Object = {"type": "string"}
_COUNT: Object = {"type": "integer", "minimum": 0}


def _or_null(schema: Object) -> Object:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(**properties: Object) -> Object:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _list(of: Object) -> Object:
    return {"type": "array", "items": of}


def _ref(name: str) -> Object:
    return {"$ref": f"#/components/schemas/{name}"}


_NEXT = {
    "anyOf": [_TEXT, {"type": "null"}],
    "description": "Where the next page begins; null on the last.",
}
_NEXT_FROM = {**_NEXT, "description": "`from` of the next page; null on the last."}
_COUNTS: Object = {"type": "object", "additionalProperties": _COUNT}
_BY_REASON = _list(_object(source_topic=_TEXT, reason=_TEXT, count=_COUNT))
_STANDING: Object = {
    "as_of": {**_TIME, "description": "All that was committed to the topics until then is in the figures."},
    "complete_since": {
        "anyOf": [_TIME, {"type": "null"}],
        "description": "What was appended before had been deleted when these tables were begun; null: nothing had.",
    },
}


def _schemas() -> Object:
    charge = _object(charge_id=_TEXT, amount=_ref("Money"), currency=_TEXT, at=_TIME)
    call = _object(
        state=_TEXT, call_sid=_or_null(_TEXT), digits=_or_null(_TEXT), reason=_or_null(_TEXT), at=_TIME
    )
    attempt = {
        **_object(
            attempt=_COUNT,
            **{"try": _COUNT},
            fire_at=_or_null(_TIME),
            expires_at=_or_null(_TIME),
            outcome=_or_null(_ref("Outcome")),
            calls=_list(call),
        ),
        "description": "One intended call, what it came to, and the evidence for it.",
    }
    event = _object(
        event_id=_TEXT,
        type=_TEXT,
        at=_TIME,
        due_at=_or_null(_TIME),
        attempt=_or_null(_COUNT),
        **{"try": _or_null(_COUNT)},
        charged=_or_null({"type": "boolean"}),
        reason=_or_null(_TEXT),
    )
    occurrence = _object(
        due_at=_TIME, state=_ref("State"), attempts=_list(attempt), charge=_or_null(_ref("Charge"))
    )
    return {
        "Money": {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "description": "Decimal, exact."},
        "State": {
            "enum": [
                *("UNCONFIRMED", "WAITING", "CALLING", "UNKNOWN"),
                *("ANSWERED", "MISSED", "GAVE_UP", "EXPIRED", "CANCELLED"),
            ]
        },
        "Outcome": {
            "enum": [
                *("ANSWERED", "PLACED", "RINGING", "FAILED", "CANCELED", "NO_ANSWER", "BUSY"),
                *("NOT_SENT", "NOT_PLACED", "UNKNOWN", "CLAIMED"),
            ],
            "description": "streams/calls/fold.py",
        },
        "Charge": charge,
        "Reminder": _object(
            reminder_id=_TEXT,
            message_sid=_or_null(_TEXT),
            number=_or_null(_COUNT),
            subject=_or_null(_TEXT),
            state=_ref("State"),
            due_at=_TIME,
            last_at=_TIME,
            sms_charge=_or_null(_ref("Charge")),
            occurrences=_list(occurrence),
            events=_list(event),
        ),
        "Refused": {
            "type": "object",
            "required": ["error", "detail"],
            "properties": {"error": _TEXT, "detail": {**_TEXT, "description": "For people."}},
        },
    }


def _parameter(name: str, description: str, schema: Object | None = None) -> Object:
    return {"name": name, "in": "query", "description": description, "schema": schema or _TEXT}


def _limit(otherwise: int, most: int) -> Object:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": otherwise}
    return _parameter("limit", "How many at most.", schema)


_CURSOR = _parameter("cursor", "`next` of the page before.")
_FROM_TO = (
    _parameter("from", "From here, a date or an instant."),
    _parameter("to", "Up to here and not with it; now."),
)
_SPAN = {
    **_object(
        topic=_TEXT,
        partition=_COUNT,
        next=_COUNT,
        fetched=_or_null(_COUNT),
        handed=_COUNT,
        end=_or_null(_COUNT),
    ),
    "description": "Offsets: fetched up to `fetched`, on their way up to `handed`, taken in up to `next`.",
}


@cache
def _operations() -> dict[str, Object]:
    skipped = _object(
        topic=_TEXT, partition=_COUNT, offset=_COUNT, appended_at=_TIME, reason=_TEXT, detail=_TEXT
    )
    letter = _object(
        id={
            **_TEXT,
            "description": "partition@offset in dead.letters: what `ringback dead-letters replay` takes.",
        },
        set_aside_at=_TIME,
        source_topic=_TEXT,
        source_partition=_COUNT,
        source_offset=_COUNT,
        reason=_TEXT,
        value_length=_COUNT,
        value_sha256=_TEXT,
    )
    window = _object(**{"from": _TIME}, to=_TIME, events=_COUNTS, calls=_COUNTS)
    day = _object(day=_DATE, currency=_TEXT, kind=_TEXT, charges=_COUNT, amount=_ref("Money"))
    return {
        REMINDERS: _get(
            "A user's reminders with their life, the latest first",
            _object(**_STANDING, tenant=_TEXT, user=_TEXT, reminders=_list(_ref("Reminder")), next=_NEXT),
            _limit(asking.REMINDERS_AT_ONCE, asking.MOST_REMINDERS),
            _CURSOR,
        ),
        COUNTS: _get(
            f"What happened in windows of event time, where late records go too; {KEEP_DAYS} days of it",
            _object(
                **_STANDING,
                tenant=_TEXT,
                window=_TEXT,
                **{"from": _TIME},
                to=_TIME,
                windows=_list(window),
                next=_NEXT_FROM,
            ),
            _parameter("window", "Length of the windows.", {"enum": list(WINDOWS_MS), "default": "hour"}),
            *_FROM_TO,
            _limit(asking.WINDOWS_AT_ONCE, asking.MOST_WINDOWS),
        ),
        CHARGES: _get(
            f"Charges by UTC day, currency and kind; {asking.MOST_DAYS} days at most, the last 31 unless told",
            _object(**_STANDING, tenant=_TEXT, **{"from": _DATE}, to=_DATE, days=_list(day), next=_NEXT_FROM),
            *_FROM_TO,
        ),
        TENANTS: _get(
            "Who there is something about",
            _object(**_STANDING, tenants=_list(_object(tenant=_TEXT, records=_COUNT))),
        ),
        DEAD_LETTERS: _get(
            f"Dead letters of {KEEP_DAYS} days: how many, and the latest. No topic says which were replayed",
            _object(**_STANDING, counts=_BY_REASON, latest=_list(letter), next=_NEXT),
            _parameter("source_topic", "Only of this topic."),
            _parameter("reason", "Only with this reason."),
            _limit(asking.LETTERS_AT_ONCE, asking.MOST_LETTERS),
            _CURSOR,
        ),
        STATUS: _get(
            "How far the tables are, and what could not be taken in",
            _object(
                **{**_STANDING, "as_of": _or_null(_TIME)},
                whole={"type": "boolean"},
                held={"anyOf": [_TEXT, {"type": "null"}], "description": "What a missing schema holds back."},
                partitions=_list(_SPAN),
                skipped=_object(counts=_BY_REASON, latest=_list(skipped)),
            ),
        ),
    }


def parameters_of(path: str) -> list[str]:
    """The names of the query parameters that `path` takes."""
    return [p["name"] for p in _operations()[path]["get"]["parameters"] if p["in"] == "query"]


def _get(summary: str, answer: Object, *parameters: Object) -> Object:
    def refusal(description: str) -> Object:
        return {"description": description, "content": {"application/json": {"schema": _ref("Refused")}}}

    return {
        "get": {
            "summary": summary,
            "security": [{"token": []}],
            "parameters": list(parameters),
            "responses": {
                "200": {"description": summary, "content": {"application/json": {"schema": answer}}},
                "400": refusal("A parameter is not what it should be."),
                "401": refusal("No token, or a wrong one."),
                "503": {
                    **refusal("The topics are still being read: no half answers. Ask again."),
                    "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
                },
            },
        }
    }


@cache
def document() -> Object:
    """The whole document."""
    paths: Object = {}
    for path, operation in _operations().items():
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        shared = [{"name": n, "in": "path", "required": True, "schema": _TEXT} for n in names]
        paths[path] = {**({"parameters": shared} if shared else {}), **operation}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ringback's read models",
            "version": importlib.metadata.version("ringback"),
            "description": (
                "What became of reminders, what was counted and charged, what was set aside; from the topics, read "
                "committed. Every worker holds all of it. Instants are UTC."
            ),
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }
