"""Requests to the carrier and what they came to."""

from __future__ import annotations

from streams.metrics.metric import CONTEXT, LATENCY_BUCKETS_S, Metric

CARRIER = (
    Metric(
        "ringback_carrier_request_seconds",
        "histogram",
        "seconds",
        ("kind", "outcome"),
        "requests that place a call or a message, by what became of them: placed, refused, throttled (429), not_sent"
        " (no connection), unknown",
        "more than a few unknown: the carrier is slow or away, see ringback_breaker_state and its status page;"
        " throttled: lower calls_per_second",
        (*LATENCY_BUCKETS_S, 30.0, 60.0),
    ),
    Metric(
        "ringback_carrier_in_flight",
        "gauge",
        "requests",
        ("kind",),
        "such requests that are out now",
        "it stays at ringback_carrier_window: the carrier answers slowly, or RINGBACK_CARRIER_CONNECTIONS is too low",
    ),
    Metric(
        "ringback_carrier_refused_total",
        "counter",
        "requests",
        ("kind", "code", "then"),
        "requests that the carrier refused and SMS that it did not deliver, by its error code and what follows"
        " (streams/once/carrier_codes.toml)",
        "then=hold: ours to mend, at once: account, credentials, numbers or URL; others concern one user each",
    ),
    Metric(
        "ringback_unsent_total",
        "counter",
        "tries",
        ("kind", "reason"),
        "tries that ended without a call or message at the carrier, each followed by another or by the end, by reason;"
        " a step that was taken again counts again",
        f"{CONTEXT}; many claim_too_old: the window is full or the gate slow; many gate_was_lost: look at Redis",
    ),
)
