"""Around every request: the bound on how many at once, its count and time, and what a bug looks like outside.

An exception that nobody expected is logged by its type and place only: messages of exceptions carry values, and
values here are phone numbers and texts.
"""

from __future__ import annotations

import logging
import time
import traceback

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.gateway.refusals import Refused
from connectors.gateway.urls import KEY_PATH, SMS_PATH, STATUS_PATH, VOICE_PATH
from streams.metrics import Metrics

log = logging.getLogger("ringback.gateway")

WEBHOOKS = (SMS_PATH, VOICE_PATH, KEY_PATH, STATUS_PATH)
PROBES = ("/healthz", "/readyz", "/metrics")


class Doorkeeper:
    def __init__(self, app: ASGIApp, metrics: Metrics, max_in_flight: int) -> None:
        self._app = app
        self._metrics = metrics
        self._max_in_flight = max_in_flight
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        endpoint = path if path in (*WEBHOOKS, *PROBES) else "other"
        began = time.monotonic()
        status = 0

        async def counting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._metrics.inc("ringback_gateway_requests_total", endpoint=endpoint, status=str(status))
                self._metrics.observe(
                    "ringback_gateway_request_seconds", time.monotonic() - began, endpoint=endpoint
                )
            await send(message)

        if endpoint in WEBHOOKS and self._in_flight >= self._max_in_flight:
            await self._refuse_busy(endpoint)(scope, receive, counting)
            return
        self._count_in_flight(endpoint, +1)
        try:
            await self._app(scope, receive, counting)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            log.error("%s: %s at %s:%s", endpoint, type(error).__name__, place.filename, place.lineno)
            if not status:
                internal = JSONResponse({"error": "internal", "detail": "our mistake; it is logged"}, 500)
                await internal(scope, receive, counting)
        finally:
            self._count_in_flight(endpoint, -1)

    def _count_in_flight(self, endpoint: str, change: int) -> None:
        if endpoint in WEBHOOKS:
            self._in_flight += change
            self._metrics.set("ringback_gateway_in_flight", self._in_flight)

    def _refuse_busy(self, endpoint: str) -> Response:
        self._metrics.inc("ringback_gateway_refused_total", endpoint=endpoint, reason="busy")
        return Refused(503, "busy", "too many requests at once", retry_after_s=1).response()
