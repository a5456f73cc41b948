"""The transactional loop: what each member of each stage does with its partitions."""

from __future__ import annotations

from streams.metrics.metric import CONTEXT, Metric

LOOP = (
    Metric(
        "ringback_loop_records_total",
        "counter",
        "records",
        ("stage",),
        "records whose effects are committed",
        f"{CONTEXT}; 0 while kafka_consumergroup_readable_records grows: `/readyz` of that stage's members",
    ),
    Metric(
        "ringback_loop_transactions_total",
        "counter",
        "transactions",
        ("stage",),
        "transactions committed",
        CONTEXT,
    ),
    Metric(
        "ringback_loop_aborts_total",
        "counter",
        "transactions",
        ("stage",),
        "transactions aborted and done again",
        "a few at each rebalance are usual; a steady rate: two members have one name (RINGBACK_MEMBER), or the broker"
        " is slow",
    ),
    Metric(
        "ringback_loop_dead_letters_total",
        "counter",
        "records",
        ("stage",),
        "records set aside with their reason in dead.letters",
        "`ringback dead-letters list` for reason and source; mend the producer, then `ringback dead-letters replay`",
    ),
    Metric(
        "ringback_loop_restarts_total",
        "counter",
        "starts",
        ("stage",),
        "members that were started anew within their process: fenced, or failed",
        "the log says `is started anew` and why: a fenced member has a twin (RINGBACK_MEMBER) or was paused; else a"
        " bug, or a broker that is away",
    ),
    Metric(
        "ringback_loop_held",
        "gauge",
        "boolean",
        ("stage", "partition"),
        "1 while a partition stands still because something that a record needs is not there",
        "the member's log names what is missing: mostly the schema registry, or a flood of dead letters that must end",
    ),
    Metric(
        "ringback_standby_lag_records",
        "gauge",
        "records",
        ("stage", "partition"),
        "changelog offsets that this member's warm standby of a partition has not read, which a takeover would replay",
        "one that only grows: the member has no time left for it, give it less to do, or its log names what failed",
    ),
)
