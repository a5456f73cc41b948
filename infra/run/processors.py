"""Which processor and which hands belong to each stage: the one place where stages meet the world."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal

from connectors.settings import Settings
from schemas.records import CallState, ReplyState
from streams.billing import Billing
from streams.calls.book import key_of
from streams.calls.following import RING_TIMEOUT_S
from streams.calls.processor import CallsProcessor
from streams.control.account import AccountControls
from streams.control.modes import Modes
from streams.ids import user_number
from streams.inbound import Inbound
from streams.metrics import Metrics
from streams.once.carrier import CallRequest, MessageRequest
from streams.reminders.caps import Share
from streams.reminders.processor import Reminders
from streams.replies.processor import RepliesProcessor
from streams.runtime.clock import Clock
from streams.runtime.effects import Hands, NoHands
from streams.runtime.task import MakeProcessor
from streams.tenants import Tenants
from streams.topology import CALLING, REPLIES

# What the carrier is asked to find out, by what the tenant wants done with an answering machine.
DETECT: dict[str, Literal["start", "end"] | None] = {
    "treat_as_answered": None,
    "leave_message": "end",
    "hang_up_and_retry": "start",
}

NEEDS_CARRIER = (CALLING.name, REPLIES.name)
KINDS = {CALLING.name: "call", REPLIES.name: "message"}
# However slow the carrier is: what is then still out leaves half of T_resolve to find out what became of it.
READ_CAP_S = 60.0


@dataclass(frozen=True, slots=True)
class Requests:
    """What the carrier is asked, and where it is told to report. The nonce makes each request's URLs its own."""

    public_url: str
    tenants: Tenants

    def call(self, call: CallState) -> CallRequest:
        from connectors.gateway.urls import call_urls

        key, tenant = key_of(call), self.tenants.get(call["tenant"])
        voice = tenant.voice if tenant else None
        detect = DETECT[tenant.on_machine] if tenant else None
        on_machine = tenant.on_machine if tenant and detect else None
        urls = call_urls(
            self.public_url, key, call["user"], call["epoch"], _nonce(), voice=voice, on_machine=on_machine
        )
        return CallRequest(
            to=user_number(call["user"]),
            from_=call["from"],
            url=urls.url,
            fallback_url=urls.fallback_url,
            status_callback=urls.status_callback,
            ring_timeout_s=RING_TIMEOUT_S,
            detect_machine=detect,
        )

    def message(self, reply: ReplyState) -> MessageRequest:
        from connectors.gateway.urls import message_url

        url = message_url(
            self.public_url, reply["reply_id"], reply["try"], reply["user"], reply["epoch"], _nonce()
        )
        return MessageRequest(reply["to"], reply["from"], reply["body"], url)


def _nonce() -> str:
    return uuid.uuid4().hex


def make_controls(
    stage: str, settings: Settings, metrics: Metrics, member: str = ""
) -> AccountControls | None:
    """The controllers of the carrier account at one member of `stage`; None for a stage that asks no carrier."""
    if stage not in NEEDS_CARRIER:
        return None
    modes = Modes(
        breaker=settings.breaker,
        budget=settings.retry_budget,
        timeout=settings.adaptive_timeout,
        concurrency=settings.adaptive_concurrency,
    )
    return AccountControls(
        KINDS[stage],
        modes,
        connections=settings.carrier_connections,
        read_ms=round(settings.carrier_read_s * 1000),
        read_cap_ms=round(min(READ_CAP_S, settings.resolve_s / 2) * 1000),
        seed=member,
        metrics=metrics,
    )


def make_processor(
    stage: str,
    settings: Settings,
    tenants: Tenants,
    partitions: int = 1,
    controls: AccountControls | None = None,
) -> MakeProcessor:
    """The processor of each partition number of `stage`, of which there are `partitions`."""
    requests = Requests(settings.public_url or "", tenants)
    resolve_ms = round(settings.resolve_s * 1000)
    makers: dict[str, MakeProcessor] = {
        "inbound": lambda _: Inbound(tenants),
        "reminders": lambda number: Reminders(tenants, Share(number, partitions)),
        "calls": lambda number: CallsProcessor(number, tenants, requests.call, resolve_ms, controls),
        "replies": lambda number: RepliesProcessor(number, requests.message, resolve_ms, controls),
        "billing": lambda _: Billing(tenants),
    }
    return makers[stage]


def make_hands(
    stage: str,
    settings: Settings,
    clock: Clock,
    metrics: Metrics | None = None,
    controls: AccountControls | None = None,
) -> Hands:
    """The hands of `stage`. Raises SettingsError when it needs a carrier and a gate that are not set."""
    if stage not in NEEDS_CARRIER:
        return NoHands()
    # A third of a second of imports that the other stages do not need.
    from connectors.carrier import Timeouts, TwilioCarrier
    from connectors.gate.redis_gate import RedisGate
    from connectors.hands import CarrierHands

    settings.require("redis_url", "twilio_account_sid", "twilio_auth_token", "public_url")
    redis_url, account = settings.redis_url or "", settings.twilio_account_sid or ""
    token, base_url = settings.twilio_auth_token or "", settings.twilio_base_url
    timeouts = Timeouts(settings.carrier_connect_s, settings.carrier_read_s)
    connections = settings.carrier_connections
    controls = controls or AccountControls(KINDS[stage], connections=connections)

    def read_s() -> float:
        return controls.read_ms(clock.now_ms()) / 1000

    return CarrierHands(
        lambda: RedisGate.from_url(redis_url, replicas=settings.redis_replicas),
        lambda: TwilioCarrier(account, token, base_url, timeouts, connections, read_s),
        clock,
        metrics,
        controls,
    )
