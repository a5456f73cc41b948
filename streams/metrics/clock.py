"""Our clock against the broker's."""

from __future__ import annotations

from streams.metrics.metric import Metric

CLOCK = (
    Metric(
        "ringback_clock_held",
        "gauge",
        "boolean",
        (),
        "1 while no timer fires because our clock and the broker's differ by more than the tolerance",
        "synchronise that machine's clock, or the broker's (`chronyc tracking`); timers go on by themselves",
    ),
    Metric(
        "ringback_clock_off_seconds",
        "gauge",
        "seconds",
        (),
        "how far our time is outside what the broker's append times allow: ahead of it, or behind (negative)",
        "other than 0: one of the two clocks is wrong; compare both with a third",
    ),
    Metric(
        "ringback_clock_wall_off_seconds",
        "gauge",
        "seconds",
        (),
        "the machine's wall clock less our time",
        "other than about 0: somebody set that clock; nothing fires early or late by it, but find out who sets clocks",
    ),
    Metric(
        "ringback_clock_anchored_total",
        "counter",
        "times",
        (),
        "how often our time was wrong and was set, the wall clock and the broker agreeing on another",
        "more than one after the machine slept or was moved: its clock is not disciplined, look at its NTP",
    ),
)
