"""What users are promised, as service level indicators, and how fast the room for failure is used up.

Alerts are those of the SRE Workbook, chapter 5 ("Multiwindow, Multi-Burn-Rate Alerts"): a long window says that it
matters, a short one that it still goes on. With an objective of 99.9 % over 30 days a burn rate of 14.4 uses 2 % of
the budget within an hour, 6 uses 5 % within six hours, 3 uses 10 % within a day.
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.monitoring.model import Alert, Group, Proof, Recording, Series, Severity

OBJECTIVE = 0.999
AT_LEAST = 20  # events in the long window: one late call of three at night wakes nobody


@dataclass(frozen=True, slots=True)
class Indicator:
    """`all` and `good` are counters' series (selectors without a window); `bad` = all less good."""

    name: str
    recorded: str
    all: str
    good: str
    summary: str
    means: str
    feels: str
    commands: tuple[tuple[str, str], tuple[str, str], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Burn:
    """`rate` times the speed at which the budget lasts for exactly 30 days."""

    name: str
    rate: float
    long: str
    short: str
    lasting: str
    severity: Severity
    long_minutes: int
    short_minutes: int


BURNS = (
    Burn("Fast", 14.4, "1h", "5m", "2m", "page", 60, 5),
    Burn("Slow", 6, "6h", "30m", "5m", "page", 360, 30),
    Burn("Long", 3, "1d", "2h", "30m", "ticket", 1440, 120),
)
WINDOWS = tuple(dict.fromkeys(w for burn in BURNS for w in (burn.short, burn.long)))


def _lateness(what: str) -> tuple[str, str]:
    chosen = f'what="{what}",try="first"'
    return (
        f"ringback_post_lateness_seconds_count{{{chosen}}}",
        f'ringback_post_lateness_seconds_bucket{{{chosen},le="1.0"}}',
    )


INDICATORS = (
    Indicator(
        "Calls",
        "ringback:calls_late",
        *_lateness("call"),
        "calls are asked of the carrier more than 1 s after they were due",
        "A call must be asked of the carrier within 1 s of when it was due. The carrier's own queue is"
        " not in this figure."
        " First tries alone: others wait on purpose.",
        "The phone rings late.",
        (
            (
                "ringback lag --group 'ringback.*' --once",
                "OLDEST of `ringback.reminders` and `ringback.calls`: who is behind",
            ),
            ("curl -s http://CALLS:9400/readyz", "`filling_gates`, or a partition that is not ready"),
            ("ringback doctor", "Redis, clock and carrier: each is on the way of a call"),
        ),
    ),
    Indicator(
        "Acknowledgements",
        "ringback:acknowledgements_late",
        "ringback_acknowledgement_seconds_count",
        'ringback_acknowledgement_seconds_bucket{le="2.0"}',
        "SMS wait more than 2 s for their answer",
        "The carrier must have the answer to an SMS within 2 s of when Kafka had the SMS. A text that gets no"
        " answer (STOP, a sender who opted out) and an answer that the carrier refuses are not in this figure; one that"
        " we gave up is. An SMS that is stuck on its way is in it when it comes through: until then"
        " `GroupBehind` tells.",
        "People who wrote to us hear nothing for a while, and write again.",
        (
            (
                "ringback lag --group 'ringback.*' --once",
                "OLDEST of `ringback.inbound`, `ringback.reminders`, `ringback.replies`: the leg that is behind",
            ),
            (
                "promtool query instant http://PROMETHEUS:9090 'histogram_quantile(0.99, sum by (le, kind)"
                " (rate(ringback_carrier_request_seconds_bucket[5m])))'",
                "nobody behind: how long the carrier takes to answer, in seconds",
            ),
            ("ringback doctor", "whether carrier, Redis and brokers answer"),
        ),
    ),
    Indicator(
        "Replies",
        "ringback:replies_late",
        *_lateness("sms"),
        "SMS to users are handed to the carrier more than 1 s after they were asked for",
        "An accepted SMS is to be acknowledged within 2 s. This is its last leg, from when the answer was"
        " decided until it is"
        " handed to the carrier, and has half of that time. All legs together: `AcknowledgementsBurnFast`.",
        "People who wrote to us hear nothing for a while, and write again.",
        (
            ("ringback lag --group ringback.replies --once", "OLDEST: how far replies are behind"),
            (
                "curl -s http://REPLIES:9400/metrics | grep ringback_breaker_state",
                "2: the carrier is not asked at all",
            ),
            ("ringback doctor", "whether carrier and Redis answer"),
        ),
    ),
    Indicator(
        "Webhooks",
        "ringback:webhooks_failed",
        "ringback_gateway_requests_total",
        'ringback_gateway_requests_total{status!~"5.."}',
        "webhooks of the carrier are answered with 5xx",
        "The carrier's webhooks (SMS, status, words of a call) must not be answered with 5xx.",
        "An SMS arrives late, by the carrier's second try or by `ringback backfill`; a called person may"
        " hear an apology.",
        (
            ("curl -s http://GATEWAY:8080/readyz", "what the gateway misses"),
            (
                "curl -s http://GATEWAY:8080/metrics | grep -E 'produce_failed|refused_total'",
                "whether Kafka did not confirm, or the gateway was `busy`",
            ),
            ("ringback doctor", "whether the brokers answer"),
        ),
    ),
)


def _recordings(indicator: Indicator) -> tuple[Recording, ...]:
    return tuple(
        Recording(
            f"{indicator.recorded}:ratio_rate{window}",
            f"1 - sum(rate({indicator.good}[{window}])) / (sum(rate({indicator.all}[{window}])) > 0)",
        )
        for window in WINDOWS
    )


def _story(indicator: Indicator, bad: int, of: int, minutes: int, then: str = "") -> Series:
    """`of` events a minute, `bad` of them bad. `then` is what both counters go on with."""
    if indicator.name == "Webhooks":  # good and bad are series of their own there
        name, (good, failed) = indicator.all, ("200", "503")
        going_on = f" {minutes * (of - bad)}+{of}x{then}" if then else ""
        rest = f" {minutes * bad}+0x{then}" if then else ""
        return {
            f'{name}{{endpoint="sms",status="{good}"}}': f"0+{of - bad}x{minutes}{going_on}",
            f'{name}{{endpoint="sms",status="{failed}"}}': f"0+{bad}x{minutes}{rest}",
        }
    going_on, in_time = (f" {minutes * n}+{of}x{then}" if then else "" for n in (of, of - bad))
    return {
        indicator.all: f"0+{of}x{minutes}{going_on}",
        indicator.good: f"0+{of - bad}x{minutes}{in_time}",
    }


def _proof(indicator: Indicator, burn: Burn) -> Proof:
    """A thousand events a minute; bad: four times the burn rate, or half of it. It clears when the short window does,
    long before the long one."""
    share = burn.rate * (1 - OBJECTIVE)
    minutes = burn.long_minutes + burn.short_minutes + 40
    bad = _story(indicator, round(4000 * share), 1000, minutes)
    quiet = _story(indicator, max(0, round(500 * share)), 1000, minutes)
    clears = _story(indicator, round(4000 * share), 1000, minutes, then=f"{burn.short_minutes + 10}")
    return Proof(bad, quiet, clears, f"{minutes}m", f"{minutes + burn.short_minutes + 6}m")


def _alert(indicator: Indicator, burn: Burn) -> Alert:
    limit = f"{burn.rate:g} * {1 - OBJECTIVE:g}"
    ratio = f"{indicator.recorded}:ratio_rate"
    return Alert(
        f"{indicator.name}Burn{burn.name}",
        f"{ratio}{burn.long} > {limit} and {ratio}{burn.short} > {limit}"
        f" and sum(increase({indicator.all}[{burn.long}])) >= {AT_LEAST}",
        burn.lasting,
        burn.severity,
        f"Too many {indicator.summary}",
        f"{indicator.means} The objective is {OBJECTIVE:.1%} over 30 days; at the rate of the last"
        f" {burn.long} it is used up in"
        f" {_lasts(burn.rate)}, and the last {burn.short} are no better.",
        indicator.feels,
        indicator.commands,
        _proof(indicator, burn),
    )


def _lasts(rate: float) -> str:
    days = 30 / rate
    return "50 hours" if days < 3 else f"{days:g} days"


OBJECTIVES = Group(
    "objectives",
    "What users are promised: indicators, and alerts on how fast the error budget burns",
    (
        *(r for indicator in INDICATORS for r in _recordings(indicator)),
        *(_alert(indicator, burn) for indicator in INDICATORS for burn in BURNS),
    ),
    looks_every="5m",
)
