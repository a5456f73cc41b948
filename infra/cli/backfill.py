"""`ringback backfill`: SMS whose webhook was lost, found in the carrier's list and put into `sms.inbound`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from connectors.settings import Settings
from infra.cli.durations import Span, shown
from infra.cli.errors import ANSWER_IS_NO, DONE, UnreachableError, WrongUseError
from infra.cli.options import json_flag, settings_flags
from infra.cli.output import instant, masked, print_json, say
from streams.once.carrier import CarrierUnavailableError
from streams.topology import DAY_MS

if TYPE_CHECKING:
    from connectors.backfill import Comparison, Lost

SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000
EVERY_MS = MINUTE_MS
PROGRESS_S = 2.0


@click.command()
@click.option(
    "--since",
    "since_ms",
    type=Span(SECOND_MS, 6 * DAY_MS, "sms.inbound keeps 7 days, and what has left it would look lost"),
    default="2h",
    show_default=True,
    help="How far back to look.",
)
@click.option(
    "--settle",
    "settle_ms",
    type=Span(0, HOUR_MS),
    default="30s",
    show_default=True,
    help="Leave an SMS alone that is younger: its webhook may be on its way.",
)
@click.option(
    "--tenant", "tenants", multiple=True, metavar="ID", help="Only this tenant's numbers; repeatable."
)
@click.option("--dry-run", is_flag=True, help="Only say what is lost; exit code 1 if anything is.")
@click.option(
    "--follow", is_flag=True, help=f"Go on until SIGTERM or Ctrl-C, a round every {shown(EVERY_MS)}."
)
@click.option("--every", "every_ms", type=Span(SECOND_MS, DAY_MS), help="The same, a round so often.")
@click.option(
    "--http-port",
    type=click.IntRange(0, 65535),
    metavar="P",
    help="With --follow or --every: serve /healthz, /readyz and /metrics there.",
)
@json_flag
@settings_flags("kafka", "registry", "carrier")
def backfill(
    settings: Settings,
    since_ms: int,
    settle_ms: int,
    tenants: tuple[str, ...],
    dry_run: bool,
    follow: bool,
    every_ms: int | None,
    http_port: int | None,
    as_json: bool,
) -> int:
    """Find SMS that reached our numbers and whose webhook did not reach us; put them into `sms.inbound`.

    Compares the carrier's list of what each tenant's numbers received with the topic, and writes what is missing,
    with the carrier's time of receipt. An SMS is known by its sid: doing it twice, from two places, or while the
    webhook comes after all has no further effect. Reminders whose time has passed meanwhile are treated as after
    any outage (late_grace_s).

    Exit code 3 when the carrier or Kafka is away: what was listed as injected is injected; run it again.

    \b
    Examples:
      ringback backfill --dry-run --since 1d         what is lost?
      ringback backfill --since 6h --json            after an outage of the gateway
      ringback backfill --every 60s --http-port 9401 as a service beside the gateway
    """
    from infra.run.backfill import BackfillService, NoNumbersError, one_round

    if settle_ms >= since_ms:
        raise WrongUseError(f"--settle {shown(settle_ms)} leaves nothing of --since {shown(since_ms)}")
    service = follow or every_ms is not None
    if service and dry_run:
        raise WrongUseError("--dry-run looks once; leave out --follow and --every")
    if http_port is not None and not service:
        raise WrongUseError("--http-port goes with --follow or --every")
    printer = _Printer(as_json)
    try:
        if service:
            from infra.cli.run import log_to_stderr, stop_on_signals

            log_to_stderr()
            every_s = (every_ms or EVERY_MS) / 1000
            stop = stop_on_signals()
            BackfillService(
                settings,
                since_ms,
                settle_ms,
                every_s,
                stop,
                tenants,
                finished=printer.finished,
                found=printer.lost,
            ).run(http_port)
            return DONE
        now_ms = round(time.time() * 1000)
        comparison = one_round(
            settings,
            now_ms - since_ms,
            now_ms - settle_ms,
            printer,
            tenants=tenants,
            dry_run=dry_run,
            reading=printer.reading,
        )
    except NoNumbersError as error:
        raise WrongUseError(str(error)) from error
    except CarrierUnavailableError as error:
        so_far = f"; {printer.injected} SMS were injected before" if printer.injected else ""
        refused = str(error).startswith(("HTTP 401", "HTTP 403"))
        hint = "are TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN right?" if refused else "run it again"
        raise UnreachableError(f"the carrier's list could not be read: {error}{so_far}; {hint}") from error
    printer.finished(comparison)
    return ANSWER_IS_NO if dry_run and comparison.lost else DONE


class _Printer:
    """The lost SMS on stdout as they are dealt with, progress on stderr while there is nothing to say."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._said_s = time.monotonic()
        self.injected = 0

    def lost(self, lost: Lost) -> None:
        message = lost.message
        self.injected += lost.action == "injected"
        if self._as_json:
            print_json(
                {
                    "message_sid": message.sid,
                    "tenant": lost.tenant,
                    "from": message.from_,
                    "to": message.to,
                    "received_at": instant(message.created_at),
                    "action": lost.action,
                    "reason": lost.reason,
                }
            )
        else:
            about = f"{instant(message.created_at)}  {message.sid}  {message.from_} → {message.to} of {lost.tenant}"
            reason = f" ({lost.reason})" if lost.reason else ""
            click.echo(masked(f"{about}  {lost.action}{reason}"))

    def finished(self, comparison: Comparison) -> None:
        c = comparison
        say(
            f"{c.listed} SMS listed since {instant(c.since_ms)}: {c.known} known, {c.lost} lost, "
            f"{c.injected} injected"
            + (f", {c.unusable} unusable" if c.unusable else "")
            + (f"; {c.young} too young to tell" if c.young else "")
        )

    def progress(self, comparison: Comparison, numbers_left: int) -> None:
        self._say(f"{comparison.listed} SMS listed, {numbers_left} numbers to go")

    def reading(self, records: int) -> None:
        self._say(f"{records} records of sms.inbound read")

    def _say(self, text: str) -> None:
        if time.monotonic() - self._said_s > PROGRESS_S:
            self._said_s = time.monotonic()
            say(text)
