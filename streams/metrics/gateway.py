"""The gateway: webhooks in, records out."""

from __future__ import annotations

from streams.metrics.metric import CONTEXT, LATENCY_BUCKETS_S, Metric

GATEWAY = (
    Metric(
        "ringback_gateway_requests_total",
        "counter",
        "requests",
        ("endpoint", "status"),
        "requests answered by the gateway, by HTTP status",
        "5xx: `/readyz` of the gateway says what it misses; 403: PUBLIC_URL or the auth token is not what the carrier"
        " signs with",
    ),
    Metric(
        "ringback_gateway_request_seconds",
        "histogram",
        "seconds",
        ("endpoint",),
        "time from the first byte of a request to its answer; the carrier gives up after 15",
        "slow with ringback_gateway_produce_seconds: the brokers; slow without: add gateways, or look at Redis (voice)",
        LATENCY_BUCKETS_S,
    ),
    Metric(
        "ringback_gateway_in_flight",
        "gauge",
        "requests",
        (),
        "webhooks being answered now",
        "near its bound (refusals `busy`): add gateways, unless Kafka is what they wait for",
    ),
    Metric(
        "ringback_gateway_refused_total",
        "counter",
        "requests",
        ("endpoint", "reason"),
        "requests that were refused, by reason",
        "a rise of unknown_parameter: the carrier sends a new one, read its changelog; wrong_signature: check"
        " PUBLIC_URL and the auth token; busy: as with ringback_gateway_in_flight; not_stored: the brokers",
    ),
    Metric(
        "ringback_gateway_produced_total",
        "counter",
        "records",
        ("topic",),
        "records that Kafka has confirmed to the gateway",
        f"{CONTEXT}; a fall to 0 by day: does the carrier still reach PUBLIC_URL?",
    ),
    Metric(
        "ringback_gateway_produce_failed_total",
        "counter",
        "records",
        ("topic", "reason"),
        "records that Kafka has not confirmed in time; the carrier was answered 503 or asked to come again",
        "`ringback doctor` for the brokers, `ringback topics plan` for the topic",
    ),
    Metric(
        "ringback_gateway_produce_seconds",
        "histogram",
        "seconds",
        ("topic",),
        "time until Kafka has confirmed a record",
        "slow: a broker's disk, or replicas that lag (kafka_topic_partition_under_replicated_partition)",
        LATENCY_BUCKETS_S,
    ),
    Metric(
        "ringback_gateway_answers_total",
        "counter",
        "requests",
        ("outcome",),
        "what callers who picked up were given: words, or why not",
        "many other than told: the gate in Redis does not answer or has forgotten; `ringback doctor`, then `ringback"
        " trace` one of them",
    ),
)
