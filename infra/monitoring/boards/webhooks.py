"""The row of the carrier's dashboard on what it asks of us, and on what was lost on that way."""

from __future__ import annotations

from infra.monitoring.boards.model import Panel, Query, Row, quantile
from infra.monitoring.boards.telling import BAD, GOOD, bounds_of

_NOT_PROBES = '{endpoint!~"/(metrics|healthz|readyz)"}'
_WEBHOOKS = f"ringback_gateway_requests_total{_NOT_PROBES}"

WEBHOOKS = Row(
    "What the carrier asks of us",
    (
        Panel(
            "Webhooks by endpoint and answer",
            "stacked",
            (
                Query(
                    f"sum by (endpoint, status) (rate({_WEBHOOKS}[$__rate_interval]))",
                    "{{endpoint}} {{status}}",
                ),
            ),
            unit="reqps",
            width=12,
        ),
        Panel(
            "How long an answer takes, 99 % of them",
            "lines",
            (
                Query(
                    quantile(0.99, "ringback_gateway_request_seconds", "endpoint", _NOT_PROBES),
                    "{{endpoint}}",
                ),
            ),
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
