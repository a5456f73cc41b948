"""Every metric, as data: name, type, unit, labels, meaning. Nothing emits what is not declared here.

Names follow Prometheus: the unit is in the name (`_seconds`, `_bytes`), counters end in `_total`. Labels have
few values by nature: no phone numbers, no texts, no ids. The exporter (`connectors/metrics`), dashboards, rules
and documentation derive from `METRICS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

# Seconds. From one script in Redis (0.1 ms) to the carrier's patience with a webhook (15 s).
LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)
# Seconds. From a commit (10 ms) to the grace within which a call may be late (15 minutes).
LATENESS_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """`unit` is what one step means; `buckets` are a histogram's upper bounds in that unit."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


class UndeclaredMetric(LookupError):
    """The name is not in the table, or used as another type or with other labels: a mistake in our code."""


class Metrics(Protocol):
    """Where numbers go. Each method raises UndeclaredMetric; none of them waits."""

    def inc(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter."""

    def set(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge."""

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Add one value to a histogram."""


_GATEWAY = (
    Metric(
        "ringback_gateway_requests_total",
        "counter",
        "requests",
        ("endpoint", "status"),
        "requests answered by the gateway, by HTTP status",
    ),
    Metric(
        "ringback_gateway_request_seconds",
        "histogram",
        "seconds",
        ("endpoint",),
        "time from the first byte of a request to its answer; the carrier gives up after 15",
        LATENCY_BUCKETS_S,
    ),
    Metric("ringback_gateway_in_flight", "gauge", "requests", (), "webhooks being answered now"),
    Metric(
        "ringback_gateway_refused_total",
        "counter",
        "requests",
        ("endpoint", "reason"),
        "requests that were refused; a rise of unknown_parameter means that the carrier sends a new one",
    ),
    Metric(
        "ringback_gateway_produced_total",
        "counter",
        "records",
        ("topic",),
        "records that Kafka has confirmed to the gateway",
    ),
    Metric(
        "ringback_gateway_produce_failed_total",
        "counter",
        "records",
        ("topic", "reason"),
        "records that Kafka has not confirmed in time; the carrier was answered 503 or asked to come again",
    ),
    Metric(
        "ringback_gateway_produce_seconds",
        "histogram",
        "seconds",
        ("topic",),
        "time until Kafka has confirmed a record",
        LATENCY_BUCKETS_S,
    ),
    Metric(
        "ringback_gateway_answers_total",
        "counter",
        "requests",
        ("outcome",),
        "what callers who picked up were given: words, or why not",
    ),
)

_LOOP = (
    Metric(
        "ringback_loop_records_total", "counter", "records", ("stage",), "records whose effects are committed"
    ),
    Metric(
        "ringback_loop_transactions_total", "counter", "transactions", ("stage",), "transactions committed"
    ),
    Metric(
        "ringback_loop_aborts_total",
        "counter",
        "transactions",
        ("stage",),
        "transactions aborted and done again; a steady rate means two members fight or the broker is slow",
    ),
    Metric(
        "ringback_loop_dead_letters_total",
        "counter",
        "records",
        ("stage",),
        "records set aside with their reason in dead.letters",
    ),
    Metric(
        "ringback_loop_held",
        "gauge",
        "boolean",
        ("stage", "partition"),
        "1 while a partition stands still because something that a record needs is not there",
    ),
    Metric(
        "ringback_standby_lag_records",
        "gauge",
        "records",
        ("stage", "partition"),
        "changelog offsets that this member's warm standby of a partition has not read, which a takeover would replay;"
        " one that only grows: the member has no time left for it, give it less to do, or the log names what failed",
    ),
)

_CLOCK = (
    Metric(
        "ringback_clock_held",
        "gauge",
        "boolean",
        (),
        "1 while no timer fires because our clock and the broker's differ by more than the tolerance",
    ),
    Metric(
        "ringback_clock_off_seconds",
        "gauge",
        "seconds",
        (),
        "how far our time is outside what the broker's append times allow: ahead of it, or behind (negative)",
    ),
    Metric(
        "ringback_clock_wall_off_seconds",
        "gauge",
        "seconds",
        (),
        "the machine's wall clock less our time; other than about 0 after somebody set that clock",
    ),
    Metric(
        "ringback_clock_anchored_total",
        "counter",
        "times",
        (),
        "how often our time was wrong and was set, the wall clock and the broker agreeing on another",
    ),
)

_REMINDERS = (
    Metric(
        "ringback_reminders",
        "gauge",
        "occurrences",
        ("tenant", "class"),
        "occurrences in this member's partitions: accepted = pending + fired + cancelled + expired + dead; open are"
        " those of fired that have not ended",
    ),
    Metric(
        "ringback_reminders_unaccounted",
        "gauge",
        "occurrences",
        ("tenant",),
        "accepted less all classes; other than 0: reminders were lost or made up, keep the store and the changelog",
    ),
    Metric(
        "ringback_sms_refused",
        "gauge",
        "SMS",
        ("tenant",),
        "SMS that were refused, counted in this member's partitions since ever: a flood, a cap, a number that is not"
        " called, an opted-out sender; a steep rise: the reason stands in the REFUSED facts of reminders.events",
    ),
    Metric(
        "ringback_reminders_audits_total",
        "counter",
        "audits",
        ("result",),
        "how often a partition's counters were held against its store; differ: the log names the tenant and the class",
    ),
)

_ONCE = (
    Metric(
        "ringback_post_lateness_seconds",
        "histogram",
        "seconds",
        ("what", "try"),
        "OUR lateness: from when a call (or an SMS) was to go out to the request to the carrier; `again` are tries"
        " after one that did not reach it",
        LATENESS_BUCKETS_S,
    ),
    Metric(
        "ringback_carrier_queue_seconds",
        "histogram",
        "seconds",
        (),
        "the CARRIER's queue: from its answer that the call is placed to its word that it rings",
        LATENESS_BUCKETS_S,
    ),
    Metric(
        "ringback_gate_fill_written",
        "gauge",
        "gates",
        ("stage", "partition"),
        "gates written so far while the gate of a partition is filled from the log; nobody is called for it meanwhile",
    ),
    Metric(
        "ringback_gate_fill_of",
        "gauge",
        "gates",
        ("stage", "partition"),
        "how many gates that fill has to write, as far as they are counted; 0: nothing is being filled",
    ),
    Metric(
        "ringback_gate_fills_total",
        "counter",
        "fills",
        ("stage",),
        "partitions whose gate was filled; each restart or failover of the gate's server makes one a partition",
    ),
    Metric(
        "ringback_gate_unavailable_total",
        "counter",
        "questions",
        ("reason",),
        "questions that the gate did not answer, each asked again; the reason is away, slow, loading, read_only,"
        " replicas, memory, refused, replaced or cluster (connectors/gate/README.md says what to do)",
    ),
)

_BACKFILL = (
    Metric(
        "ringback_backfill_listed_total",
        "counter",
        "SMS",
        (),
        "SMS from users that the carrier has listed to us; rounds overlap, so one SMS is listed more than once",
    ),
    Metric(
        "ringback_backfill_lost_total",
        "counter",
        "SMS",
        ("tenant",),
        "SMS that the carrier has and sms.inbound had not; a rise means that webhooks get lost: look at the gateway's"
        " refusals, and whether the carrier reaches PUBLIC_URL",
    ),
    Metric(
        "ringback_backfill_injected_total",
        "counter",
        "SMS",
        ("tenant",),
        "lost SMS that were written to sms.inbound and confirmed by Kafka",
    ),
    Metric(
        "ringback_backfill_unusable_total",
        "counter",
        "SMS",
        ("tenant",),
        "lost SMS that no stage could read, such as those of a sender without a number; the log has sid and reason",
    ),
    Metric(
        "ringback_backfill_rounds_total",
        "counter",
        "rounds",
        ("result",),
        "comparisons of the carrier's list with sms.inbound: good, carrier_away, kafka_away",
    ),
    Metric(
        "ringback_backfill_good_round_age_seconds",
        "gauge",
        "seconds",
        (),
        "since the last good round, or the start; more than a few intervals: what is lost is not found, see the log",
    ),
)

_CARRIER = (
    Metric(
        "ringback_carrier_request_seconds",
        "histogram",
        "seconds",
        ("kind", "outcome"),
        "requests that place a call or a message, by what became of them: placed, refused, throttled (429), not_sent"
        " (no connection), unknown; more than a few unknown: the carrier is slow or away, see ringback_breaker_state",
        (*LATENCY_BUCKETS_S, 30.0, 60.0),
    ),
    Metric("ringback_carrier_in_flight", "gauge", "requests", ("kind",), "such requests that are out now"),
    Metric(
        "ringback_carrier_window",
        "gauge",
        "requests",
        ("kind",),
        "how many may be out by the rule of adaptive concurrency; well below the connections: the carrier says 429",
    ),
    Metric(
        "ringback_carrier_read_timeout_seconds",
        "gauge",
        "seconds",
        ("kind",),
        "the read timeout that the carrier's latency asks for; above the configured one: it is slow",
    ),
    Metric(
        "ringback_carrier_refused_total",
        "counter",
        "requests",
        ("kind", "code", "then"),
        "requests that the carrier refused and SMS that it did not deliver, by its error code and what follows"
        " (streams/once/carrier_codes.toml);"
        " then=hold: ours to mend, at once: account, credentials, numbers or URL",
    ),
    Metric(
        "ringback_unsent_total",
        "counter",
        "tries",
        ("kind", "reason"),
        "tries that ended without a call or message at the carrier, each followed by another or by the end, by reason;"
        " a step that was taken again counts again",
    ),
    Metric(
        "ringback_breaker_state",
        "gauge",
        "state",
        ("kind",),
        "0 closed, 1 half open (probing), 2 open: nothing is asked of the carrier, attempts wait; the log says why",
    ),
    Metric(
        "ringback_control_mode",
        "gauge",
        "mode",
        ("kind", "controller"),
        "0 off, 1 shadow, 2 on",
    ),
    Metric(
        "ringback_control_decisions_total",
        "counter",
        "decisions",
        ("kind", "controller", "mode", "decision"),
        "what each controller decided; in mode shadow it was not done",
    ),
)

METRICS: Mapping[str, Metric] = {
    metric.name: metric for metric in (*_GATEWAY, *_LOOP, *_CLOCK, *_REMINDERS, *_ONCE, *_BACKFILL, *_CARRIER)
}


def declared(name: str, kind: str, labels: Mapping[str, str]) -> Metric:
    """The metric that is called so and used right. Raises UndeclaredMetric, saying what is wrong."""
    metric = METRICS.get(name)
    if metric is None:
        raise UndeclaredMetric(f"{name} is not declared in streams/metrics.py")
    if metric.type != kind:
        raise UndeclaredMetric(f"{name} is a {metric.type}, not a {kind}")
    if set(labels) != set(metric.labels):
        raise UndeclaredMetric(f"{name} has the labels {metric.labels}, not {tuple(sorted(labels))}")
    return metric


class NoMetrics:
    """Keeps nothing and still refuses what is not declared; for tests and benchmarks."""

    def inc(self, name: str, _amount: float = 1, /, **labels: str) -> None:
        declared(name, "counter", labels)

    def set(self, name: str, _value: float, /, **labels: str) -> None:
        declared(name, "gauge", labels)

    def observe(self, name: str, _value: float, /, **labels: str) -> None:
        declared(name, "histogram", labels)
