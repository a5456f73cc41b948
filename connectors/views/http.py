"""The read models over HTTP: JSON, a bearer token, and no figure that is not whole.

An answer comes from tables that have all that lay in the topics when this worker started, and says up to when they are
complete (`as_of`). Until then, and while a schema is missing, every question is answered 503 with how far it is.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.views import openapi
from connectors.views.asking import Answers, BadRequestError, Object, shown
from streams.metrics import Metrics

log = logging.getLogger("ringback.views")
RETRY_S = 2


class Standing(Protocol):
    """How far the tables are."""

    @property
    def whole(self) -> bool:
        """Do they hold everything that lay there when the worker started?"""

    def standing(self) -> Object:
        """`as_of`, `complete_since`, and what else is to be said of it; see openapi.py."""


def create_app(answers: Answers, standing: Standing, token: str, metrics: Metrics) -> Starlette:
    """The ASGI app. It must run on the event loop that feeds the tables."""
    expected = f"Bearer {token}".encode()

    def refuse(status: int, reason: str, detail: str, **headers: str) -> Response:
        return _json({"error": reason, "detail": detail}, status, headers)

    def ask(path: str, answer: Callable[[Request, Mapping[str, str]], Object]) -> Route:
        def respond(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, expected):
                header = {"WWW-Authenticate": 'Bearer realm="ringback views"'}
                return refuse(
                    401, "unauthorized", "Authorization: Bearer TOKEN is missing or wrong", **header
                )
            known = set(openapi.parameters_of(path))
            unknown = sorted(set(request.query_params) - known)
            if unknown:
                return refuse(400, "unknown_parameter", f"there is no parameter {unknown[0]!r}")
            where = standing.standing()
            if not standing.whole and path != openapi.STATUS:
                body = {"error": "not_whole_yet", "detail": "the topics are still being read", **shown(where)}
                return _json(body, 503, {"Retry-After": str(RETRY_S)})
            try:
                found = answer(request, request.query_params)
            except BadRequestError as error:
                return refuse(400, error.reason, str(error))
            told = where if path == openapi.STATUS else {n: where[n] for n in ("as_of", "complete_since")}
            return _json(shown({**told, **found}))

        async def endpoint(request: Request) -> Response:
            # On this thread, which the tables belong to; an answer takes milliseconds, and its size has a bound.
            try:
                response = respond(request)
            except Exception:
                log.exception("an answer could not be made")
                response = refuse(500, "our_mistake", "the log says more")
            metrics.inc("ringback_views_requests_total", endpoint=path, status=str(response.status_code))
            return response

        return Route(path, endpoint, methods=["GET"])

    async def document(_request: Request) -> Response:
        return _json(openapi.document())

    async def on_error(_request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        reason = {404: "no_such_path", 405: "get_only"}.get(status, "refused")
        return refuse(status, reason, "see /openapi.json")

    routes = [
        Route(openapi.DOCUMENT, document, methods=["GET"]),
        ask(
            openapi.REMINDERS,
            lambda r, a: answers.reminders(r.path_params["tenant"], r.path_params["phone"], a),
        ),
        ask(openapi.COUNTS, lambda r, a: answers.counts(r.path_params["tenant"], a)),
        ask(openapi.CHARGES, lambda r, a: answers.charges(r.path_params["tenant"], a)),
        ask(openapi.TENANTS, lambda _r, _a: answers.tenants()),
        ask(openapi.DEAD_LETTERS, lambda _r, a: answers.dead_letters(a)),
        ask(openapi.STATUS, lambda _r, _a: {"skipped": answers.skipped()}),
    ]
    handlers: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {HTTPException: on_error}
    return Starlette(routes=routes, exception_handlers=handlers)


def _json(body: Object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(body),
        status,
        # What is about a person is for who asked, and changes.
        {"Cache-Control": "no-store", **(headers or {})},
        "application/json",
    )
