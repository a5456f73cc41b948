"""At most once: from when a call or an SMS is to go out, past the gate, to the carrier."""

from __future__ import annotations

from streams.metrics.metric import LATENESS_BUCKETS_S, Metric

# Seconds. The promise is 2; a reply that does not get through is tried for an hour.
_ACKNOWLEDGED_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)

ONCE = (
    Metric(
        "ringback_post_lateness_seconds",
        "histogram",
        "seconds",
        ("what", "try"),
        "OUR lateness: from when a call (or an SMS) was to go out to the request to the carrier; `again` are tries"
        " after one that did not reach it",
        "first tries later than 1 s: `ringback lag` for who is behind, then gate, breaker and the tenant's"
        " calls_per_second",
        LATENESS_BUCKETS_S,
    ),
    Metric(
        "ringback_acknowledgement_seconds",
        "histogram",
        "seconds",
        (),
        "from when an SMS was accepted (appended to sms.inbound) until the carrier had its answer, or until that was"
        " given up; not counted: a text that gets no answer (STOP, opted out), an answer that the carrier refuses",
        "more than 2 s: `ringback lag` says which of inbound, reminders and replies is behind; none: the carrier is"
        " slow (ringback_carrier_request_seconds)",
        _ACKNOWLEDGED_BUCKETS_S,
    ),
    Metric(
        "ringback_duplicate_calls_total",
        "counter",
        "calls",
        (),
        "calls at the carrier beside another of the same attempt",
        "never anything but 0: DuplicateCalls says how to find the attempt; keep calls.events and the member's log",
    ),
    Metric(
        "ringback_unknown_open",
        "gauge",
        "attempts",
        ("kind",),
        "attempts of which nobody knows now whether the carrier acted; each is asked about and then decided",
        "it grows: the carrier takes requests and does not answer; see CarrierOutcomesUnknown",
    ),
    Metric(
        "ringback_unknown_oldest_age_seconds",
        "gauge",
        "seconds",
        ("kind",),
        "since the claim of the oldest of them; 0 when there is none",
        "beyond RINGBACK_RESOLVE_S (120): it should have been decided; is the carrier's list to be had, does the member"
        " still take turns?",
    ),
    Metric(
        "ringback_carrier_queue_seconds",
        "histogram",
        "seconds",
        (),
        "the CARRIER's queue: from its answer that the call is placed to its word that it rings",
        "it grows: calls_per_second is above what the carrier grants, or the carrier has trouble (its status page)",
        LATENESS_BUCKETS_S,
    ),
    Metric(
        "ringback_gate_fill_written",
        "gauge",
        "gates",
        ("stage", "partition"),
        "gates written so far while the gate of a partition is filled from the log; nobody is called for it meanwhile",
        "it does not grow while ringback_gate_fill_of is not 0: `ringback doctor` for Redis",
    ),
    Metric(
        "ringback_gate_fill_of",
        "gauge",
        "gates",
        ("stage", "partition"),
        "how many gates that fill has to write, as far as they are counted; 0: nothing is being filled",
        "minutes of it: Redis is full or slow; find out why it lost its data",
    ),
    Metric(
        "ringback_gate_fills_total",
        "counter",
        "fills",
        ("stage",),
        "partitions whose gate was filled; each restart or failover of the gate's server makes one a partition",
        "more than your restarts of Redis explain: it fails over, or evicts (`maxmemory-policy` must be noeviction)",
    ),
    Metric(
        "ringback_gate_unavailable_total",
        "counter",
        "questions",
        ("reason",),
        "questions that the gate did not answer, each asked again; the reason is away, slow, loading, read_only,"
        " replicas, memory, refused, replaced or cluster",
        "connectors/gate/README.md says for each reason what to do; replaced and read_only pass by themselves",
    ),
)
