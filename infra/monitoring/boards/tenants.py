"""Tenants beside each other: what they ask for, what becomes of it, what it costs."""

from __future__ import annotations

from infra.monitoring.boards.model import Board, Panel, Query, Row, Variable
from infra.monitoring.boards.telling import BAD, GOOD

_T = 'tenant=~"$tenant"'
_PLACED = 'ringback_carrier_request_seconds_count{outcome="placed"}'
_CLASSES = ("accepted", "pending", "fired", "open", "cancelled", "expired", "dead")


def _in_a_minute(series: str, by: str) -> str:
    """Of a count that the state keeps, so a gauge: it moves to another member with its partition."""
    return f"clamp_min(60 * sum by ({by}) (deriv({series}[$__rate_interval])), 0)"


_ASKED = Row(
    "What they ask for, and what becomes of it",
    (
        Panel(
            "Reminders accepted in a minute",
            "lines",
            (Query(_in_a_minute(f'ringback_reminders{{{_T},class="accepted"}}', "tenant"), "{{tenant}}"),),
            unit="cpm",
            alerts=(),
        ),
        Panel(
            "Reminders called in a minute",
            "lines",
            (Query(_in_a_minute(f'ringback_reminders{{{_T},class="fired"}}', "tenant"), "{{tenant}}"),),
            unit="cpm",
            about="Those whose first call fell due; further calls of the same are not counted.",
            alerts=("RemindersOverdue",),
        ),
        Panel(
            "SMS refused in a minute",
            "lines",
            (Query(_in_a_minute(f"ringback_sms_refused{{{_T}}}", "tenant"), "{{tenant}}"),),
            unit="cpm",
            about="By caps, against floods, of people who opted out.",
            alerts=(),
        ),
        Panel(
            "Reminders by tenant",
            "table",
            (
                *(
                    Query(f'sum by (tenant) (ringback_reminders{{{_T},class="{name}"}})', name)
                    for name in _CLASSES
                ),
                Query(f"sum by (tenant) (ringback_sms_refused{{{_T}}})", "SMS refused"),
            ),
            about="Counted since ever.",
            width=16,
            alerts=("RemindersUnaccounted",),
        ),
        Panel(
            "Reminders that wait for their time",
            "lines",
            (Query(f'sum by (tenant) (ringback_reminders{{{_T},class="pending"}})', "{{tenant}}"),),
            alerts=(),
        ),
    ),
)

_MONEY = Row(
    "Money",
    (
        Panel(
            "Charged in the time shown",
            "number",
            (
                Query(
                    f"sum by (tenant, currency) (delta(ringback_charged{{{_T}}}[$__range]))",
                    "{{tenant}} ({{currency}})",
                ),
            ),
            unit="none",
            about="In the tenant's currency. For graphs: the sum of record is the topic `billing.charges`.",
            alerts=("SpendAboveUsual",),
            decimals=2,
        ),
        Panel(
            "Charged since ever",
            "lines",
            (
                Query(
                    f"sum by (tenant, currency) (ringback_charged{{{_T}}})",
                    "{{tenant}} ({{currency}})",
                ),
            ),
            unit="none",
            alerts=("SpendAboveUsual",),
            decimals=2,
        ),
        Panel(
            "Charges made in a minute",
            "lines",
            (Query(_in_a_minute(f"ringback_charges{{{_T}}}", "tenant, kind"), "{{tenant}}: {{kind}}"),),
            unit="cpm",
            alerts=("ChargesMissing",),
        ),
        Panel(
            "Charges owed, less those made",
            "lines",
            (
                Query(
                    f"sum by (tenant, kind) (ringback_charges_owed{{{_T}}})"
                    f" - sum by (tenant, kind) (ringback_charges{{{_T}}})",
                    "{{tenant}}: {{kind}}",
                ),
            ),
            about="A few that are on their way are usual. What stays above 0 was not charged, what stays below should"
            " not have been.",
            bounds=((None, BAD), (0, GOOD)),
            alerts=("ChargesMissing", "ChargesTooMany"),
            width=12,
        ),
        Panel(
            "What costs us: calls and SMS placed in an hour",
            "lines",
            (
                Query(f"sum by (kind) (increase({_PLACED}[1h]))", "{{kind}}"),
                Query(f"3600 * sum by (kind) (rate({_PLACED}[1d]))", "{{kind}}, mean of a day"),
            ),
            about="Of all tenants: the carrier's bill.",
            alerts=("SpendAboveUsual",),
            width=12,
        ),
    ),
)

TENANTS_BOARD = Board(
    "tenants",
    "Ringback: tenants and money",
    "What each tenant asks for, what becomes of it, what it costs.",
    (_ASKED, _MONEY),
    (Variable("tenant", "Tenant", "ringback_reminders", "tenant"),),
)
