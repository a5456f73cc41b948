"""The gateway's HTTP interface as an OpenAPI document: forms from its own tables, refusals from its own code.

Every answer that a test of the gateway gets is held against it (tests/unit/gateway/conftest.py).
"""

from __future__ import annotations

import ast
import importlib.metadata
from functools import cache
from typing import Any

from connectors.carrier.signature import HEADER
from connectors.gateway import parameters
from connectors.gateway.forms import CONTENT_TYPE
from connectors.gateway.limits import BODY_CHARS
from connectors.gateway.urls import KEY_PATH, SMS_PATH, STATUS_PATH, VOICE_PATH
from infra.generated import ROOT

Object = dict[str, Any]

PATH = "connectors/gateway/openapi.yaml"
MEANINGS = {
    400: "Signed, and still not what the carrier sends; asking again will not help.",
    403: "Not signed by the carrier for this URL and account.",
    408: "The body came too slowly.",
    413: "The body is too large.",
    415: "The body is of another type.",
    503: "Not taken now: Kafka has not confirmed it, or there are too many at once. Ask again.",
}
QUERY: dict[str, str] = {
    "k": "the attempt: reminder.due_at.attempt.try",
    "r": "the reply, for an SMS",
    "y": "its try",
    "t": "tenant",
    "e": "epoch of the owner that asked the carrier",
    "n": "nonce",
    "v": "voice of the tenant",
    "m": "what to do with an answering machine",
    "c": "the call",
    "l": "language",
    "d": "the key, where it could not be stored at once",
    "a": "how often we have asked to be asked again",
}


def document() -> Object:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ringback's gateway",
            "version": importlib.metadata.version("ringback"),
            "description": (
                f"What the carrier calls. Each webhook carries {HEADER} over PUBLIC_URL + path + query and all "
                "parameters. Nothing is answered with 2xx before Kafka has it. The queries are ours: they come back as "
                "they were given to the carrier."
            ),
        },
        "paths": {
            SMS_PATH: _webhook(
                "An SMS to one of our numbers",
                [parameters.INCOMING_SMS],
                _twiml("Empty: the reply is an SMS."),
            ),
            VOICE_PATH: _webhook(
                "A call of ours was picked up, and the carrier asks what to say",
                [parameters.VOICE],
                _twiml("The words; a pause and a redirect; an apology; or a hang-up."),
                required="kten",
                optional="vma",
            ),
            KEY_PATH: _webhook(
                "A key was pressed in a call that is told its words",
                [parameters.KEY_PRESS, parameters.VOICE],
                _twiml("A confirmation; the choice once more; a pause and a redirect; or an apology."),
                required="ktencl",
                optional="vda",
            ),
            STATUS_PATH: _webhook(
                "How far a call (k) or an SMS (r, y) of ours is",
                [parameters.CALL_EVENTS, parameters.MESSAGE_EVENTS],
                {"204": {"description": "Stored."}},
                required="ten",
                optional="kry",
            ),
            "/healthz": _probe("The process lives and its event loop turns", {"alive": {"const": True}}),
            "/readyz": _probe(
                "Kafka and Redis answer, or which does not",
                {"ready": {"type": "boolean"}, "kafka": {"type": "string"}, "redis": {"type": "string"}},
                "503",
            ),
            "/metrics": {
                "get": {
                    "summary": "Metrics for Prometheus",
                    "responses": {
                        "200": {
                            "description": "Text, or OpenMetrics for who asks for it.",
                            "content": {
                                kind: {"schema": {"type": "string"}}
                                for kind in ("text/plain", "application/openmetrics-text")
                            },
                        }
                    },
                }
            },
        },
        "components": {
            "securitySchemes": {"signature": {"type": "apiKey", "in": "header", "name": HEADER}},
            "schemas": {f"Refused{status}": _refused(found) for status, found in sorted(refusals().items())},
        },
    }


def _webhook(
    summary: str, forms: list[parameters.Form], answers: Object, required: str = "", optional: str = ""
) -> Object:
    found = [_form(form) for form in forms]
    names = [(name, name in required) for name in QUERY if name in required + optional]
    refused = {str(status): _refusal(status) for status in sorted(refusals())}
    operation: Object = {
        "summary": summary,
        "security": [{"signature": []}],
        "requestBody": {
            "required": True,
            "content": {CONTENT_TYPE: {"schema": found[0] if len(found) == 1 else {"anyOf": found}}},
        },
        "responses": {**answers, **refused, "500": {"description": "Our mistake; it is logged."}},
    }
    if names:
        operation["parameters"] = [
            {
                "name": name,
                "in": "query",
                "required": needed,
                "description": QUERY[name],
                "schema": {"type": "string"},
            }
            for name, needed in names
        ]
    return {"post": operation}


def _form(form: parameters.Form) -> Object:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": sorted(form.required),
        "properties": {name: _shape(shape) for name, shape in sorted(form.shapes.items())},
    }


def _shape(shape: parameters.Shape) -> Object:
    # Letters of all scripts, and new lines, have no pattern that every dialect reads alike.
    if shape is parameters.TEXT:
        return {"type": "string", "maxLength": BODY_CHARS}
    if shape is parameters.PLACE:
        return {"type": "string", "maxLength": 64}
    return {"type": "string", "pattern": f"^(?:{shape.pattern})$"}


def _twiml(description: str) -> Object:
    return {"200": {"description": description, "content": {"text/xml": {"schema": {"type": "string"}}}}}


def _probe(summary: str, properties: Object, otherwise: str | None = None) -> Object:
    schema = {"type": "object", "required": list(properties), "properties": properties}
    answer: Object = {"description": summary, "content": {"application/json": {"schema": schema}}}
    responses = {"200": answer} | ({otherwise: {**answer, "description": "Not now."}} if otherwise else {})
    return {"get": {"summary": summary, "responses": responses}}


def _refusal(status: int) -> Object:
    answer: Object = {
        "description": MEANINGS[status],
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/Refused{status}"}}},
    }
    if status == 503:
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return answer


def _refused(reasons: list[str]) -> Object:
    return {
        "type": "object",
        "required": ["error", "detail"],
        "properties": {
            "error": {"type": "string", "enum": reasons},
            "detail": {"type": "string", "description": "For people; names no value of the request."},
        },
    }


@cache
def refusals() -> dict[int, list[str]]:
    """Status -> reasons, as the gateway's code gives them: `Refused(status, reason, …)` and its two short forms."""
    found: dict[int, set[str]] = {}
    for path in sorted((ROOT / "connectors" / "gateway").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for status, reason in _reason(node.func.id, node.args):
                    found.setdefault(status, set()).add(reason)
    return {status: sorted(reasons) for status, reasons in found.items()}


def _reason(function: str, arguments: list[ast.expr]) -> list[tuple[int, str]]:
    given = [a.value for a in arguments if isinstance(a, ast.Constant)]
    match function, given:
        case "Refused", [int(status), str(reason), *_]:
            return [(status, reason)]
        case "bad_request", [str(reason), *_]:
            return [(400, reason)]
    return []
