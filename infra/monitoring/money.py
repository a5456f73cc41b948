"""A symptom of the bill: far more is placed than usual."""

from __future__ import annotations

from infra.monitoring.model import Alert, Group, Proof

_PLACED = 'ringback_carrier_request_seconds_count{kind="call",outcome="placed",instance="a"}'

MONEY = Group(
    "money",
    "Money",
    (
        Alert(
            "SpendAboveUsual",
            'sum by (kind) (increase(ringback_carrier_request_seconds_count{outcome="placed"}[1h]))'
            " > 3 * 3600 * sum by (kind)"
            ' (rate(ringback_carrier_request_seconds_count{outcome="placed"}[1d] offset 1h))'
            ' and sum by (kind) (increase(ringback_carrier_request_seconds_count{outcome="placed"}[1h]))'
            " > 100"
            ' and sum by (kind) (ringback_carrier_request_seconds_count{outcome="placed"} offset 1d) > 0',
            "5m",
            "ticket",
            "Three times as much is placed as a {{ $labels.kind }} as in the day before",
            "Each placed call and SMS costs money. In the last hour there were more than three times the"
            " mean of the day before, and"
            " more than 100. It may be a new customer, or somebody who pumps traffic to numbers that pay"
            " him.",
            "Nothing.",
            (
                (
                    "ringback cat billing.charges --max 1000 --json | jq -r .value.tenant | sort | uniq -c",
                    "whose they are",
                ),
                ("ringback cat calls.events --max 50 --json", "whether they go to one country or prefix"),
                (
                    "ringback tenants list",
                    "caps: `calls_per_day`, `calls_per_prefix_per_day`, `allowed_countries`",
                ),
            ),
            Proof(
                {_PLACED: "10+10x1600 16010+60x60"},
                {_PLACED: "10+10x1600 16010+20x60"},
                {_PLACED: "10+10x1600 16010+60x60 19610+10x120"},
                "1655m",
                "1780m",
                {"kind": "call"},
            ),
        ),
    ),
    looks_every="5m",
)
