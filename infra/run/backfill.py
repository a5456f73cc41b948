"""Rounds of the backfill: one by hand, or one every so often as a service beside the gateway."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection

from confluent_kafka import KafkaException

from connectors.backfill import Comparison, Lost, Report, SmsLog, compare
from connectors.carrier import TwilioCarrier
from connectors.metrics import PrometheusMetrics
from connectors.settings import Settings
from infra.cli.tenants import current_tenants
from infra.run.health import HealthServer
from schemas.errors import RegistryUnreachable
from schemas.registry import Codec
from streams.once.carrier import CarrierUnavailableError
from streams.topology import DAY_MS, SMS_INBOUND

log = logging.getLogger("ringback.backfill")

# The log is read from so long before an SMS: clocks differ, and rounds of a service overlap by it, should the carrier
# list an SMS later than it received it.
MARGIN_MS = 600_000
# What was processed long ago has left `sms.inbound` and would look lost. (Injecting it would still have no effect:
# message sids are remembered for 35 days.)
LONGEST_SPAN_MS = (SMS_INBOUND.retention_ms or 7 * DAY_MS) - DAY_MS


class NoNumbersError(Exception):
    """No tenant, or none of those that were named, owns a number."""


def one_round(
    settings: Settings,
    since_ms: int,
    until_ms: int,
    report: Report,
    *,
    tenants: Collection[str] = (),
    dry_run: bool = False,
    stop: Callable[[], bool] = lambda: False,
    reading: Callable[[int], None] = lambda _: None,
) -> Comparison:
    """Compare the carrier's list with `sms.inbound` for SMS created in [since_ms, until_ms), epoch ms, and inject.

    `tenants`: only their numbers; all when empty. Raises SettingsError, NoNumbersError, CarrierUnavailableError,
    KafkaException, UnknownTopicError, RegistryUnreachable.
    """
    settings.require("twilio_account_sid", "twilio_auth_token")
    known = current_tenants(settings)
    if unknown := set(tenants) - {t.id for t in known}:
        raise NoNumbersError(f"there is no tenant {', '.join(sorted(unknown))}; `ringback tenants list`")
    numbers = {number: t.id for t in known if not tenants or t.id in tenants for number in t.numbers}
    if not numbers:
        raise NoNumbersError("no tenant owns a number yet: `ringback tenants apply FILE`")
    comparison = Comparison(since_ms, until_ms)
    sms_log = SmsLog(settings.kafka_config(), Codec(settings.schema_registry_url), reading)

    async def run() -> None:
        account, token = settings.twilio_account_sid or "", settings.twilio_auth_token or ""
        async with TwilioCarrier(account, token, settings.twilio_base_url) as carrier:
            await compare(
                carrier,
                sms_log,
                numbers,
                comparison,
                report,
                margin_ms=MARGIN_MS,
                dry_run=dry_run,
                stop=stop,
            )

    asyncio.run(run())
    return comparison


class BackfillService:
    """A round every `every_s`, until `stop` is set. After a bad one the next covers its span as well.

    The first looks `since_ms` back, each further one to where the last good one ended, less MARGIN_MS.
    """

    name = "backfill"

    def __init__(
        self,
        settings: Settings,
        since_ms: int,
        settle_ms: int,
        every_s: float,
        stop: threading.Event,
        tenants: Collection[str] = (),
        metrics: PrometheusMetrics | None = None,
        finished: Callable[[Comparison], None] = lambda _: None,
        found: Callable[[Lost], None] = lambda _: None,
    ) -> None:
        self._settings, self._tenants = settings, tenants
        self._since_ms, self._settle_ms, self._every_s = since_ms, settle_ms, every_s
        self._stop, self._finished, self._found = stop, finished, found
        self.metrics = metrics or PrometheusMetrics()
        self._good_until_ms: int | None = None
        self._good_s = time.monotonic()
        self._told: dict[str, int] = {}  # sid → created_at of unusable SMS, which stay lost and are met again
        self.metrics.before_page(
            lambda: self.metrics.set("ringback_backfill_good_round_age_seconds", self._age_s)
        )

    @property
    def _age_s(self) -> float:
        return time.monotonic() - self._good_s

    @property
    def alive(self) -> bool:
        return True

    @property
    def ready(self) -> bool:
        """Was there a good round, and not too long ago?"""
        return self._good_until_ms is not None and self._age_s < 3 * self._every_s + 60.0

    def run(self, http_port: int | None = None) -> None:
        """Raises SettingsError, NoNumbersError: what waiting does not mend."""
        health = HealthServer(http_port, [self], self.metrics) if http_port is not None else None
        try:
            while not self._stop.is_set():
                began_s = time.monotonic()
                self.round(round(time.time() * 1000))
                self._stop.wait(max(0.0, self._every_s - (time.monotonic() - began_s)))
        finally:
            if health:
                health.close()

    def round(self, now_ms: int) -> None:
        """One round at `now_ms` (epoch ms). What is away is said, counted, and tried again in the next."""
        since_ms = self.since(now_ms)
        self._told = {sid: at for sid, at in self._told.items() if at >= since_ms}
        until_ms = max(since_ms, now_ms - self._settle_ms)
        result = "good"
        try:
            comparison = one_round(
                self._settings, since_ms, until_ms, self, tenants=self._tenants, stop=self._stop.is_set
            )
        except CarrierUnavailableError as away:
            result = "carrier_away"
            log.warning("the carrier's list could not be read, tried again: %s", away)
        except (KafkaException, RegistryUnreachable) as away:
            result = "kafka_away"
            log.warning("%s could not be compared, tried again: %s", SMS_INBOUND.name, away)
        else:
            if self._stop.is_set():
                return  # perhaps broken off
            self._good_until_ms, self._good_s = until_ms, time.monotonic()
            self.metrics.inc("ringback_backfill_listed_total", comparison.listed)
            if comparison.lost:  # that nothing was lost need not be said once a minute
                self._finished(comparison)
        self.metrics.inc("ringback_backfill_rounds_total", result=result)

    def since(self, now_ms: int) -> int:
        """From when on a round at `now_ms` looks."""
        if self._good_until_ms is None:
            return now_ms - self._since_ms
        return max(self._good_until_ms - MARGIN_MS, now_ms - LONGEST_SPAN_MS)

    # -- Report

    def lost(self, lost: Lost) -> None:
        sid, tenant = lost.message.sid, lost.tenant
        if sid in self._told:
            return
        self.metrics.inc("ringback_backfill_lost_total", tenant=tenant)
        if lost.action == "unusable":
            self._told[sid] = lost.message.created_at
            self.metrics.inc("ringback_backfill_unusable_total", tenant=tenant)
            log.warning("lost SMS %s of %s cannot be read by any stage: %s", sid, tenant, lost.reason)
        elif lost.action == "injected":
            self.metrics.inc("ringback_backfill_injected_total", tenant=tenant)
        self._found(lost)

    def progress(self, comparison: Comparison, numbers_left: int) -> None:
        """A service has no one who watches."""
