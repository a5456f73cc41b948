"""Controllers: how hard the carrier is asked, and who decided so."""

from __future__ import annotations

from streams.metrics.metric import CONTEXT, Metric

CONTROL = (
    Metric(
        "ringback_carrier_window",
        "gauge",
        "requests",
        ("kind",),
        "how many requests may be out by the rule of adaptive concurrency",
        "well below the connections: the carrier says 429; lower calls_per_second, or ask it for more",
    ),
    Metric(
        "ringback_carrier_read_timeout_seconds",
        "gauge",
        "seconds",
        ("kind",),
        "the read timeout that the carrier's latency asks for",
        "above the configured one: the carrier is slow; RINGBACK_ADAPTIVE_TIMEOUT=on follows it",
    ),
    Metric(
        "ringback_breaker_state",
        "gauge",
        "state",
        ("kind",),
        "0 closed, 1 half open (probing), 2 open: nothing is asked of the carrier, attempts wait",
        "2: the log says why it opened; it closes by itself when the carrier is well, or when our account is mended",
    ),
    Metric(
        "ringback_control_mode",
        "gauge",
        "mode",
        ("kind", "controller"),
        "0 off, 1 shadow, 2 on",
        f"{CONTEXT}: what a decision in ringback_control_decisions_total led to",
    ),
    Metric(
        "ringback_control_decisions_total",
        "counter",
        "decisions",
        ("kind", "controller", "mode", "decision"),
        "what each controller decided; in mode shadow it was not done",
        f"{CONTEXT}; one that decides all the time: look at the figure that it follows (streams/control/README.md)",
    ),
)
