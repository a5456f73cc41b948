"""The ASGI application: each endpoint reads a checked webhook, has Kafka confirm it, and then answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors.gateway import twiml
from connectors.gateway.answering import AnswerGate, Answering
from connectors.gateway.delivery import Deliveries, NotDelivered
from connectors.gateway.doorkeeper import Doorkeeper
from connectors.gateway.evidence import call_event, received, sms_event
from connectors.gateway.forms import read_webhook
from connectors.gateway.keys import Keypad
from connectors.gateway.limits import GatewaySettings
from connectors.gateway.parameters import CALL_EVENTS, INCOMING_SMS, KEY_PRESS, MESSAGE_EVENTS, VOICE
from connectors.gateway.refusals import Refused, bad_request, unconfirmed
from connectors.gateway.urls import (
    KEY_PATH,
    SMS_PATH,
    STATUS_PATH,
    VOICE_PATH,
    holds_key,
    is_of_message,
    parse_call,
    parse_key,
    parse_message,
)
from connectors.metrics import PrometheusMetrics
from streams.once.carrier_codes import decide
from streams.once.gate import GateUnavailable
from streams.runtime.clock import Clock, SystemClock
from streams.topology import CALLS, SMS_EVENTS, SMS_INBOUND

log = logging.getLogger("ringback.gateway")


def create_app(
    settings: GatewaySettings,
    gate: AnswerGate,
    deliveries: Deliveries,
    metrics: PrometheusMetrics,
    clock: Clock | None = None,
) -> Starlette:
    """The gateway. `deliveries` is started and closed by the application; `gate` belongs to the caller."""
    endpoints = _Endpoints(settings, gate, deliveries, metrics, clock or SystemClock())

    @contextlib.asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        deliveries.start()
        yield
        await deliveries.close(settings.stop_wait_s)

    return Starlette(
        routes=[
            Route(SMS_PATH, endpoints.sms, methods=["POST"]),
            Route(VOICE_PATH, endpoints.voice, methods=["POST"]),
            Route(KEY_PATH, endpoints.key, methods=["POST"]),
            Route(STATUS_PATH, endpoints.status, methods=["POST"]),
            Route("/healthz", endpoints.healthz),
            Route("/readyz", endpoints.readyz),
            Route("/metrics", endpoints.metrics),
        ],
        middleware=[Middleware(Doorkeeper, metrics=metrics, max_in_flight=settings.max_in_flight)],
        exception_handlers={Refused: endpoints.refuse},
        lifespan=life,
    )


class _Endpoints:
    def __init__(
        self,
        settings: GatewaySettings,
        gate: AnswerGate,
        deliveries: Deliveries,
        metrics: PrometheusMetrics,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._deliveries = deliveries
        self._metrics = metrics
        self._clock = clock
        self._answering = Answering(gate, deliveries, settings, clock, metrics)
        self._keypad = Keypad(deliveries, settings, clock, metrics)

    async def sms(self, request: Request) -> Response:
        """An SMS for one of our numbers; 2xx only when Kafka has it."""
        webhook = await read_webhook(request, self._settings, INCOMING_SMS)
        record = received(webhook.form, self._clock.now_ms())
        try:
            await self._deliveries.send(SMS_INBOUND, record["from"], record, self._settings.delivery_wait_s)
        except NotDelivered:
            raise unconfirmed("the SMS is not stored") from None
        return _xml(twiml.nothing())

    async def voice(self, request: Request) -> Response:
        """A call of ours was picked up, and the carrier asks what to say."""
        webhook = await read_webhook(request, self._settings, VOICE)
        try:
            target = parse_call(webhook.query)
        except ValueError:
            raise bad_request("wrong_url", "the query names no call of ours") from None
        form = webhook.form
        answer = await self._answering.answer(
            target, form["CallSid"], form["To"], form.get("AnsweredBy", "human")
        )
        told = None if answer.told is None else BackgroundTask(self._answering.told, answer.told)
        return _xml(answer.xml, told)

    async def key(self, request: Request) -> Response:
        """A key was pressed in a call that is told its words."""
        # We redirect a call to a URL that holds the key when it was not stored: then there is no other.
        again = holds_key(request.scope["query_string"].decode("latin-1"))
        webhook = await read_webhook(request, self._settings, VOICE if again else KEY_PRESS)
        try:
            target = parse_key(webhook.query)
        except ValueError:
            raise bad_request("wrong_url", "the query names no call of ours") from None
        form = webhook.form
        return _xml(await self._keypad.pressed(target, form["CallSid"], form["To"], form.get("Digits", "")))

    async def status(self, request: Request) -> Response:
        """How far a call or an SMS of ours is; 2xx only when Kafka has it."""
        of_message = is_of_message(request.scope["query_string"].decode("latin-1"))
        webhook = await read_webhook(request, self._settings, MESSAGE_EVENTS if of_message else CALL_EVENTS)
        now_ms, within_s = self._clock.now_ms(), self._settings.delivery_wait_s
        try:
            if of_message:
                sms = sms_event(parse_message(webhook.query), webhook.form, now_ms)
                await self._deliveries.send(SMS_EVENTS, sms["user"], sms, within_s)
                self._count(sms["code"])
            else:
                call = call_event(parse_call(webhook.query), webhook.form, now_ms)
                await self._deliveries.send(CALLS, call["user"], call, within_s)
        except ValueError:
            raise bad_request("wrong_url", "the query names nothing of ours") from None
        except NotDelivered:
            raise unconfirmed("the callback is not stored") from None
        return Response(status_code=204)

    def _count(self, code: int | None) -> None:
        """An SMS that was accepted and not delivered, by the carrier's error code."""
        if code is not None:
            row = decide(code)
            self._metrics.inc("ringback_carrier_refused_total", kind="message", code=row.label, then=row.then)

    async def healthz(self, _request: Request) -> Response:
        """The process lives and its event loop turns."""
        return JSONResponse({"alive": True})

    async def readyz(self, _request: Request) -> Response:
        """Whether webhooks would be served now, and what is wrong if not."""
        kafka, redis = await asyncio.gather(self._kafka_trouble(), self._redis_trouble())
        ready = kafka is None and redis is None
        body = {"ready": ready, "kafka": kafka or "ok", "redis": redis or "ok"}
        return JSONResponse(body, 200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        content, content_type = self._metrics.page(request.headers.get("accept", ""))
        return Response(content, headers={"Content-Type": content_type})

    async def refuse(self, request: Request, refused: Exception) -> Response:
        assert isinstance(refused, Refused)
        endpoint = request.url.path
        self._metrics.inc("ringback_gateway_refused_total", endpoint=endpoint, reason=refused.reason)
        log.warning("%s refused with %d: %s: %s", endpoint, refused.status, refused.reason, refused.detail)
        return refused.response()

    async def _kafka_trouble(self) -> str | None:
        try:
            async with asyncio.timeout(2 * self._settings.ready_wait_s):
                return await self._deliveries.trouble(SMS_INBOUND, self._settings.ready_wait_s)
        except TimeoutError:
            return "no broker answers (deadline)"

    async def _redis_trouble(self) -> str | None:
        try:
            async with asyncio.timeout(self._settings.ready_wait_s):
                await self._gate.generation()
        except (GateUnavailable, TimeoutError) as away:
            return str(away) or "deadline"
        return None


def _xml(text: str, background: BackgroundTask | None = None) -> Response:
    return Response(text, media_type="text/xml", background=background)
