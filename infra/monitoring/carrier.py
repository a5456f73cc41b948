"""Symptoms between us and the phone: gate, carrier, webhooks."""

from __future__ import annotations

from infra.monitoring.model import Alert, Group, Proof, Series
from infra.monitoring.stories import level, pace

_PLACED = 'ringback_carrier_request_seconds_count{kind="call",outcome="placed",instance="a"}'
_LAG_OF_CALLS = ("ringback lag --group ringback.calls --once", "OLDEST: how long calls have waited")


def _queue(within_30_s: str, all_of_them: str) -> Series:
    """Calls of which so many rang within 30 s; the others within 60."""
    name = "ringback_carrier_queue_seconds_bucket"
    counts = {"30.0": within_30_s, "60.0": all_of_them, "+Inf": all_of_them}
    return {f'{name}{{le="{le}",instance="a"}}': values for le, values in counts.items()}


CARRIER = Group(
    "carrier",
    "Gate, carrier, webhooks",
    (
        Alert(
            "GateAway",
            "sum by (reason) (rate(ringback_gate_unavailable_total[2m])) > 0",
            "1m",
            "page",
            "The gate does not answer ({{ $labels.reason }})",
            "Before each call and SMS Redis is asked whether we may (at most once, within the carrier's"
            " cap). It does not answer, so"
            " nothing is sent: rather late than twice. `connectors/gate/README.md` has each reason.",
            "No phone rings and no SMS is answered until it is back; what is late by then is called at"
            " once within its grace.",
            (
                (
                    "ringback doctor",
                    "what is wrong with Redis: away, read only, memory, too few replicas, a cluster",
                ),
                (
                    "redis-cli -u $REDIS_URL info replication",
                    "who is primary, and how many replicas are connected",
                ),
                _LAG_OF_CALLS,
            ),
            pace('ringback_gate_unavailable_total{reason="away",instance="a"}', 20, 0, {"reason": "away"}),
        ),
        Alert(
            "GateFilling",
            "max by (stage, partition) (ringback_gate_fill_of) > 0",
            "5m",
            "ticket",
            "The gate of {{ $labels.stage }} {{ $labels.partition }} is filled from the log, for minutes now",
            "Redis was lost or failed over. Until its gates are written anew from the log nobody of this"
            " partition is called.",
            "Calls of these users wait.",
            (
                ("curl -s http://CALLS:9400/readyz", "`filling_gates`: written, of how many, seconds left"),
                (
                    "redis-cli -u $REDIS_URL info memory",
                    "`maxmemory` reached, or evictions: it must be `noeviction`",
                ),
                _LAG_OF_CALLS,
            ),
            level(
                'ringback_gate_fill_of{stage="calls",partition="1",instance="a"}',
                9000,
                0,
                {"stage": "calls", "partition": "1"},
            ),
        ),
        Alert(
            "BreakerOpen",
            "max by (kind) (ringback_breaker_state) == 2",
            "2m",
            "page",
            "The carrier is asked for no {{ $labels.kind }}: the breaker is open",
            "So many requests failed, or the carrier refused our account, that no more are made; from"
            " time to time one tries. In mode"
            " shadow (`ringback_control_mode` 1) they are made all the same, and the carrier is as bad.",
            "No calls or no SMS. Attempts wait and are made when the carrier is back.",
            (
                (
                    "grep 'breaker of' LOG | tail -5",
                    "why it opened: carrier's error code, or requests that failed",
                ),
                ("ringback doctor", "whether the carrier answers us, and what it says of the account"),
                (
                    "curl -s http://CALLS:9400/metrics | grep carrier_refused",
                    "the codes, and what follows from each",
                ),
            ),
            level('ringback_breaker_state{kind="call",instance="a"}', 2, 1, {"kind": "call"}),
        ),
        Alert(
            "CarrierOutcomesUnknown",
            'sum by (kind) (rate(ringback_carrier_request_seconds_count{outcome="unknown"}[10m]))'
            " / sum by (kind) (rate(ringback_carrier_request_seconds_count[10m])) > 0.05"
            " and sum by (kind)"
            ' (increase(ringback_carrier_request_seconds_count{outcome="unknown"}[10m])) > 5',
            "5m",
            "page",
            "Of more than 5 % of requests for a {{ $labels.kind }} nobody knows what became",
            "The carrier takes requests and does not answer them in time. Such an attempt is UNKNOWN: it"
            " is not repeated, the carrier is"
            " asked about it after 5, 30 and 120 s (`RINGBACK_RESOLVE_S`), and only then is it decided.",
            "Each waits up to two minutes for its next try; most have been called.",
            (
                (
                    "ringback cat calls.events --max 2000 --json | grep UNKNOWN",
                    "since when, and whether a later record resolves it",
                ),
                ("ringback doctor", "how the carrier answers now; then look at its status page"),
                (
                    "curl -s http://CALLS:9400/metrics | grep read_timeout",
                    "above the configured one: the carrier is slow",
                ),
            ),
            pace(
                'ringback_carrier_request_seconds_count{kind="call",outcome="unknown",instance="a"}',
                10,
                1,
                {"kind": "call"},
                {_PLACED: "0+90x80"},
            ),
        ),
        Alert(
            "UnknownOpenTooLong",
            "max by (kind) (ringback_unknown_oldest_age_seconds) > 300",
            "2m",
            "ticket",
            "What became of a {{ $labels.kind }} should have been decided minutes ago",
            "An attempt has been UNKNOWN for more than five minutes. The carrier's list is asked three times, and after"
            " `RINGBACK_RESOLVE_S` (120) it is decided whatever the list says; so its member does not get to it, or"
            " that setting is higher than this alert expects.",
            "The next call of that user waits for it.",
            (
                (
                    "curl -s http://CALLS:9400/metrics | grep ringback_unknown",
                    "how many, how old; the same of REPLIES for messages",
                ),
                ("curl -s http://CALLS:9400/readyz", "a member that does not move, or fills gates"),
                ("ringback config", "`RINGBACK_RESOLVE_S`"),
            ),
            level(
                'ringback_unknown_oldest_age_seconds{kind="call",instance="a"}',
                900,
                100,
                {"kind": "call"},
                {'ringback_unknown_oldest_age_seconds{kind="message",instance="b"}': "0+0x30"},
            ),
        ),
        Alert(
            "CarrierRefusesUs",
            'sum by (kind, code) (rate(ringback_carrier_refused_total{then="hold"}[10m])) > 0',
            "1m",
            "page",
            "The carrier refuses a {{ $labels.kind }} with {{ $labels.code }}, which is ours to mend",
            "Account, credentials, numbers or URL: the same request will be refused again until we change"
            " something.",
            "No calls or no SMS of this account.",
            (
                ("grep 'ours to mend' LOG | tail -3", "the carrier's code in words"),
                ("ringback doctor", "credentials and PUBLIC_URL"),
                ("ringback tenants list", "whether the number that calls is still ours"),
            ),
            pace(
                'ringback_carrier_refused_total{kind="call",code="20003",then="hold",instance="a"}',
                4,
                0,
                {"kind": "call", "code": "20003"},
                {
                    'ringback_carrier_refused_total{kind="call",code="21211",then="end",instance="a"}': "0+5x80"
                },
            ),
        ),
        Alert(
            "CarrierQueue",
            "histogram_quantile(0.9, sum by (le) (rate(ringback_carrier_queue_seconds_bucket[5m]))) > 30",
            "5m",
            "ticket",
            "One call in ten rings 30 s or more after the carrier took it",
            "The carrier's own queue: it took the calls and lets them wait. Our lateness is another figure.",
            "Phones ring late, and users think it was us.",
            (
                ("ringback tenants list", "`calls_per_second`: more than the carrier grants makes it queue"),
                (
                    "ringback cat calls.events --max 500 --json | grep RINGING",
                    "PLACED and RINGING of one call, and how far apart",
                ),
                ("ringback doctor", "whether the carrier answers; then look at its status page"),
            ),
            Proof(
                _queue("0+5x30", "0+100x30"),
                _queue("0+99x30", "0+100x30"),
                _queue("0+5x30 150+100x30", "0+100x60"),
                "30m",
                "50m",
            ),
        ),
        Alert(
            "WebhooksLost",
            "sum by (tenant) (increase(ringback_backfill_lost_total[30m])) > 5",
            "0m",
            "ticket",
            "SMS to {{ $labels.tenant }} reach us by comparison alone",
            "The carrier has SMS whose webhook never became a record; `ringback backfill` found them and"
            " put them in.",
            "Their answers come minutes late.",
            (
                (
                    "curl -s http://GATEWAY:8080/metrics | grep refused_total",
                    "why the gateway turned webhooks away",
                ),
                ("curl -sI $PUBLIC_URL/healthz", "from outside: whether the carrier can reach us at all"),
                ("ringback backfill --since 2h --dry-run", "what is still missing"),
            ),
            pace('ringback_backfill_lost_total{tenant="acme",instance="a"}', 2, 0.1, {"tenant": "acme"}),
        ),
        Alert(
            "BackfillStale",
            "max(ringback_backfill_good_round_age_seconds) > 900",
            "1m",
            "ticket",
            "Lost SMS are not looked for",
            "For 15 minutes no comparison of the carrier's list with `sms.inbound` came to its end.",
            "Nothing, unless a webhook gets lost now.",
            (
                (
                    "curl -s http://BACKFILL:9400/metrics | grep backfill_rounds",
                    "`carrier_away` or `kafka_away`",
                ),
                ("ringback doctor", "whether both answer"),
                ("ringback backfill --since 2h --dry-run", "a round by hand, with its error"),
            ),
            level('ringback_backfill_good_round_age_seconds{instance="a"}', 1300, 300, {}),
        ),
        Alert(
            "GatewayCannotWrite",
            "sum by (reason) (rate(ringback_gateway_produce_failed_total[5m])) > 0",
            "2m",
            "page",
            "Kafka does not confirm what the gateway writes ({{ $labels.reason }})",
            "Webhooks are answered 503, or the carrier is asked to come again: nothing is acknowledged"
            " that is not written.",
            "SMS arrive late or wait for `ringback backfill`; ends of calls are learnt by asking.",
            (
                ("ringback doctor", "whether the brokers answer"),
                ("ringback topics plan", "topics that are missing or too small (message size)"),
                ("curl -s http://GATEWAY:8080/readyz", "what the gateway itself says"),
            ),
            pace(
                'ringback_gateway_produce_failed_total{topic="sms.inbound",reason="timeout",instance="a"}',
                3,
                0,
                {"reason": "timeout"},
            ),
        ),
    ),
)
