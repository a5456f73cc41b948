"""The timer stream's books: where every accepted occurrence stands."""

from __future__ import annotations

from streams.metrics.metric import CONTEXT, Metric

REMINDERS = (
    Metric(
        "ringback_reminders",
        "gauge",
        "occurrences",
        ("tenant", "class"),
        "occurrences in this member's partitions: accepted = pending + fired + cancelled + expired + dead; open are"
        " those of fired that have not ended",
        f"{CONTEXT}; dead other than 0: timers were set aside, `ringback dead-letters list` says why",
    ),
    Metric(
        "ringback_reminders_unaccounted",
        "gauge",
        "occurrences",
        ("tenant",),
        "accepted less all classes",
        "other than 0: reminders were lost or made up; keep the store and the changelog before anything else",
    ),
    Metric(
        "ringback_sms_refused",
        "gauge",
        "SMS",
        ("tenant",),
        "SMS that were refused, counted in this member's partitions since ever: a flood, a cap, a number that is not"
        " called, an opted-out sender",
        "a steep rise: the reason stands in the REFUSED facts of reminders.events",
    ),
    Metric(
        "ringback_reminders_audits_total",
        "counter",
        "audits",
        ("result",),
        "how often a partition's counters were held against its store",
        "differ: the log names the tenant and the class; keep the changelog for whoever looks for the bug",
    ),
)
