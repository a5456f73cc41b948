"""Between us and the phone: what we ask of the carrier and what it says, what holds calls back, what it asks of us."""

from __future__ import annotations

from infra.monitoring.boards.model import Board, Panel, Query, Row
from infra.monitoring.boards.telling import BAD, GOOD, NEUTRAL, bounds_of
from streams.control.modes import MODES

_REQUESTS = "ringback_carrier_request_seconds"
_MODE_COLOURS = {"off": "text", "shadow": "yellow", "on": GOOD}
_BREAKER = {0: ("closed", GOOD), 1: ("half open", "yellow"), 2: ("open", BAD)}
_OUTCOMES = ("placed", "refused", "throttled", "not_sent", "unknown")


def _share(quantile: float, metric: str, by: str) -> str:
    return (
        f"histogram_quantile({quantile}, sum by (le, {by}) (rate({metric}_bucket[$__rate_interval])))"
        if by
        else f"histogram_quantile({quantile}, sum by (le) (rate({metric}_bucket[$__rate_interval])))"
    )


_NOW = Row(
    "Is anything in the way?",
    (
        Panel(
            "Breakers",
            "number",
            (Query("max by (kind) (ringback_breaker_state)", "{{kind}}"),),
            states=_BREAKER,
            bounds=bounds_of("BreakerOpen"),
            width=6,
            height=4,
        ),
        Panel(
            "Attempts of unknown outcome, now",
            "number",
            (Query("sum by (kind) (ringback_unknown_open)", "{{kind}}"),),
            bounds=((None, GOOD), (1, "yellow")),
            alerts=("CarrierOutcomesUnknown", "UnknownOpenTooLong"),
            width=6,
            height=4,
        ),
        Panel(
            "Questions that the gate did not answer, in 10 minutes",
            "number",
            (Query("sum(increase(ringback_gate_unavailable_total[10m])) or vector(0)"),),
            bounds=((None, GOOD), (1, BAD)),
            width=6,
            height=4,
            decimals=0,
        ),
        Panel(
            "Refused, and ours to mend, in 10 minutes",
            "number",
            (Query('sum(increase(ringback_carrier_refused_total{then="hold"}[10m])) or vector(0)'),),
            bounds=((None, GOOD), (1, BAD)),
            width=6,
            height=4,
            decimals=0,
        ),
    ),
)

_ASKED = Row(
    "What we ask, and what it says",
    (
        Panel(
            "Requests by what became of them",
            "stacked",
            (
                Query(
                    f"sum by (kind, outcome) (rate({_REQUESTS}_count[$__rate_interval]))",
                    "{{kind}} {{outcome}}",
                ),
            ),
            unit="reqps",
            width=12,
        ),
        Panel(
            "Requests of unknown outcome, of all",
            "lines",
            (
                Query(
                    f'(sum by (kind) (rate({_REQUESTS}_count{{outcome="unknown"}}[10m]))'
                    f" or 0 * sum by (kind) (rate({_REQUESTS}_count[10m])))"
                    f" / (sum by (kind) (rate({_REQUESTS}_count[10m])) > 0)",
                    "{{kind}}",
                ),
            ),
            unit="percentunit",
            bounds=bounds_of("CarrierOutcomesUnknown"),
            alerts=("CarrierOutcomesUnknown",),
            width=6,
        ),
        Panel(
            "Oldest attempt of unknown outcome",
            "lines",
            (Query("max by (kind) (ringback_unknown_oldest_age_seconds)", "{{kind}}"),),
            unit="s",
            bounds=bounds_of("UnknownOpenTooLong"),
            width=6,
        ),
        Panel(
            "How long a request takes",
            "lines",
            (
                Query(_share(0.5, _REQUESTS, "kind"), "{{kind}}, half of them"),
                Query(_share(0.99, _REQUESTS, "kind"), "{{kind}}, 99 %"),
                Query("max by (kind) (ringback_carrier_read_timeout_seconds)", "{{kind}}, timeout asked for"),
            ),
            unit="s",
            alerts=("CarrierOutcomesUnknown",),
            width=12,
        ),
        Panel(
            "Requests that are out, and how many may be",
            "lines",
            (
                Query("sum by (kind) (ringback_carrier_in_flight)", "{{kind}}, out"),
                Query("sum by (kind) (ringback_carrier_window)", "{{kind}}, may be out"),
            ),
            width=12,
        ),
        Panel(
            "What the carrier refuses, by its code and what follows",
            "lines",
            (
                Query(
                    "sum by (kind, code, then) (rate(ringback_carrier_refused_total[$__rate_interval]))",
                    "{{kind}} {{code}}: {{then}}",
                ),
            ),
            unit="reqps",
            width=12,
        ),
        Panel(
            "Tries that ended without a call or message",
            "lines",
            (
                Query(
                    "sum by (kind, reason) (rate(ringback_unsent_total[$__rate_interval]))",
                    "{{kind}}: {{reason}}",
                ),
            ),
            unit="ops",
            width=12,
        ),
    ),
)

_QUEUE = Row(
    "The carrier's own queue",
    (
        Panel(
            "How long calls wait at the carrier before they ring",
            "heat",
            (
                Query(
                    "sum by (le) (increase(ringback_carrier_queue_seconds_bucket[$__rate_interval]))",
                    "{{le}}",
                ),
            ),
            unit="s",
            width=12,
        ),
        Panel(
            "The wait at the carrier, in shares",
            "lines",
            tuple(
                Query(_share(quantile, "ringback_carrier_queue_seconds", ""), words)
                for quantile, words in ((0.5, "half of them"), (0.9, "90 %"), (0.99, "99 %"))
            ),
            unit="s",
            bounds=bounds_of("CarrierQueue"),
            width=12,
        ),
    ),
)

_CONTROL = Row(
    "What holds calls back",
    (
        Panel(
            "Breakers over time",
            "states",
            (Query("max by (kind) (ringback_breaker_state)", "{{kind}}"),),
            states=_BREAKER,
            width=12,
            height=6,
        ),
        Panel(
            "Controllers: off, in shadow or on",
            "states",
            (Query("max by (kind, controller) (ringback_control_mode)", "{{kind}} {{controller}}"),),
            states={n: (mode, _MODE_COLOURS.get(mode, NEUTRAL)) for n, mode in enumerate(MODES)},
            width=12,
            height=6,
        ),
        Panel(
            "What controllers decide",
            "lines",
            (
                Query(
                    "sum by (kind, controller, mode, decision)"
                    " (rate(ringback_control_decisions_total[$__rate_interval]))",
                    "{{kind}} {{controller}} ({{mode}}): {{decision}}",
                ),
            ),
            unit="ops",
            width=24,
        ),
        Panel(
            "Questions that the gate did not answer, by reason",
            "lines",
            (
                Query(
                    "sum by (reason) (rate(ringback_gate_unavailable_total[$__rate_interval]))", "{{reason}}"
                ),
            ),
            unit="ops",
        ),
        Panel(
            "Gates written while a gate is filled from the log",
            "lines",
            (
                Query("sum by (stage) (ringback_gate_fill_written)", "{{stage}}: written"),
                Query("sum by (stage) (ringback_gate_fill_of)", "{{stage}}: of"),
            ),
        ),
        Panel(
            "Gates filled from the log",
            "lines",
            (Query("sum by (stage) (increase(ringback_gate_fills_total[$__rate_interval]))", "{{stage}}"),),
            alerts=("GateFilling",),
        ),
    ),
)

_WEBHOOKS = Row(
    "What the carrier asks of us",
    (
        Panel(
            "Webhooks by endpoint and answer",
            "stacked",
            (
                Query(
                    "sum by (endpoint, status) (rate(ringback_gateway_requests_total[$__rate_interval]))",
                    "{{endpoint}} {{status}}",
                ),
            ),
            unit="reqps",
            width=12,
        ),
        Panel(
            "How long an answer takes, 99 % of them",
            "lines",
            (Query(_share(0.99, "ringback_gateway_request_seconds", "endpoint"), "{{endpoint}}"),),
            unit="s",
            about="The carrier gives up after 15 s.",
            bounds=((None, GOOD), (15, BAD)),
            width=12,
        ),
        Panel(
            "Webhooks refused, by reason",
            "lines",
            (
                Query(
                    "sum by (endpoint, reason) (rate(ringback_gateway_refused_total[$__rate_interval]))",
                    "{{endpoint}}: {{reason}}",
                ),
            ),
            unit="reqps",
        ),
        Panel(
            "Records that Kafka confirmed, and has not",
            "lines",
            (
                Query(
                    "sum by (topic) (rate(ringback_gateway_produced_total[$__rate_interval]))",
                    "{{topic}}",
                ),
                Query(
                    "sum by (topic, reason) (rate(ringback_gateway_produce_failed_total[$__rate_interval]))",
                    "{{topic}} not: {{reason}}",
                ),
            ),
            unit="ops",
        ),
        Panel(
            "What people who picked up were given",
            "stacked",
            (
                Query(
                    "sum by (outcome) (rate(ringback_gateway_answers_total[$__rate_interval]))", "{{outcome}}"
                ),
            ),
            unit="ops",
        ),
        Panel(
            "SMS that the carrier listed, and that had been lost",
            "lines",
            (
                Query("sum(increase(ringback_backfill_listed_total[10m]))", "listed"),
                Query("sum by (tenant) (increase(ringback_backfill_lost_total[10m]))", "lost: {{tenant}}"),
                Query(
                    "sum by (tenant) (increase(ringback_backfill_injected_total[10m]))", "put in: {{tenant}}"
                ),
            ),
            about="In 10 minutes, by `ringback backfill`.",
            width=12,
        ),
        Panel(
            "Since lost SMS were last looked for",
            "lines",
            (Query("max(ringback_backfill_good_round_age_seconds)", "last good round"),),
            unit="s",
            bounds=bounds_of("BackfillStale"),
            width=12,
        ),
    ),
)

CARRIER_BOARD = Board(
    "carrier",
    "Ringback: calls and carrier",
    "What we ask of the carrier and what it says, what holds calls back, what it asks of us.",
    (_NOW, _ASKED, _QUEUE, _CONTROL, _WEBHOOKS),
)
