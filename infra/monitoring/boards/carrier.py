"""Between us and the phone: what we ask of the carrier and what it says, what holds calls back, what it asks of us."""

from __future__ import annotations

from infra.monitoring.boards.model import Board, Panel, Query, Row, quantile, side_by_side
from infra.monitoring.boards.telling import BAD, GOOD, NEUTRAL, bounds_of
from infra.monitoring.boards.webhooks import WEBHOOKS
from streams.control.modes import MODES

_REQUESTS = "ringback_carrier_request_seconds"
_MODE_COLOURS = {"off": "text", "shadow": "yellow", "on": GOOD}
_BREAKER = {0: ("closed", GOOD), 1: ("half open", "yellow"), 2: ("open", BAD)}
_OUTCOMES = ("placed", "refused", "throttled", "not_sent", "unknown")


def _or_none(label: str) -> str:
    """Of many series that stand at 0 only those are shown that do not; and that there is none."""
    return f' or label_replace(vector(0), "{label}", "none", "", "")'


_NOW = Row(
    "Is anything in the way?",
    side_by_side(
        Panel(
            "Breakers",
            "number",
            (Query("max by (kind) (ringback_breaker_state)", "{{kind}}"),),
            states=_BREAKER,
            bounds=bounds_of("BreakerOpen"),
        ),
        Panel(
            "Attempts of unknown outcome, now",
            "number",
            (Query("sum by (kind) (ringback_unknown_open)", "{{kind}}"),),
            bounds=((None, GOOD), (1, "yellow")),
            alerts=("CarrierOutcomesUnknown", "UnknownOpenTooLong"),
        ),
        Panel(
            "Unanswered by the gate, 10 minutes",
            "number",
            (Query("sum(increase(ringback_gate_unavailable_total[10m])) or vector(0)"),),
            bounds=((None, GOOD), (1, BAD)),
            decimals=0,
        ),
        Panel(
            "Refused by our fault, 10 minutes",
            "number",
            (Query('sum(increase(ringback_carrier_refused_total{then="hold"}[10m])) or vector(0)'),),
            bounds=((None, GOOD), (1, BAD)),
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
                Query(quantile(0.5, _REQUESTS, "kind"), "{{kind}}, half of them"),
                Query(quantile(0.99, _REQUESTS, "kind"), "{{kind}}, 99 %"),
            ),
            unit="s",
            alerts=("CarrierOutcomesUnknown",),
        ),
        Panel(
            "How long we would wait for an answer",
            "lines",
            (Query("max by (kind) (ringback_carrier_read_timeout_seconds)", "{{kind}}"),),
            unit="s",
        ),
        Panel(
            "Requests that are out, and how many may be",
            "lines",
            (
                Query("sum by (kind) (ringback_carrier_in_flight)", "{{kind}}, out"),
                Query("sum by (kind) (ringback_carrier_window)", "{{kind}}, may be out"),
            ),
        ),
        Panel(
            "What the carrier refuses, by its code and what follows",
            "lines",
            (
                Query(
                    "sum by (kind, code, then) (rate(ringback_carrier_refused_total[$__rate_interval])) > 0"
                    + _or_none("code"),
                    "{{kind}} {{code}} {{then}}",
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
                Query(quantile(share, "ringback_carrier_queue_seconds", ""), words)
                for share, words in ((0.5, "half of them"), (0.9, "90 %"), (0.99, "99 %"))
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
                    " (rate(ringback_control_decisions_total[$__rate_interval])) > 0" + _or_none("decision"),
                    "{{kind}} {{controller}} {{mode}} {{decision}}",
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

CARRIER_BOARD = Board(
    "carrier",
    "Ringback: calls and carrier",
    "What we ask of the carrier and what it says, what holds calls back, what it asks of us.",
    (_NOW, _ASKED, _QUEUE, _CONTROL, WEBHOOKS),
)
