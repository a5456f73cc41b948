"""Rows of the pipeline's dashboard on what goes wrong in it, and on its processes."""

from __future__ import annotations

from infra.monitoring.boards.model import Panel, Query, Row
from infra.monitoring.boards.telling import BAD, GOOD, bounds_of

WRONG = Row(
    "What goes wrong",
    (
        Panel(
            "Records set aside, of all",
            "lines",
            (
                Query(
                    "sum by (stage) (rate(ringback_loop_dead_letters_total[$__rate_interval]))"
                    " / (sum by (stage) (rate(ringback_loop_records_total[$__rate_interval])) > 0)",
                    "{{stage}}",
                ),
            ),
            unit="percentunit",
            bounds=bounds_of("DeadLetterFlood"),
            width=6,
        ),
        Panel(
            "Does a stage stand still in a partition?",
            "states",
            (
                Query(
                    "max by (stage) (ringback_loop_held) or 0 * sum by (stage) (ringback_loop_records_total)",
                    "{{stage}}",
                ),
            ),
            states={0: ("goes on", GOOD), 1: ("stands still", BAD)},
            width=6,
        ),
        Panel(
            "Transactions aborted and done again",
            "lines",
            (Query("sum by (stage) (rate(ringback_loop_aborts_total[$__rate_interval]))", "{{stage}}"),),
            unit="ops",
            bounds=bounds_of("MembersFight"),
            width=6,
        ),
        Panel(
            "Members started anew in 15 minutes",
            "lines",
            (Query("sum by (stage) (increase(ringback_loop_restarts_total[15m]))", "{{stage}}"),),
            bounds=bounds_of("MemberRestarts"),
            width=6,
        ),
    ),
)

PROCESSES = Row(
    "The processes",
    (
        Panel(
            "Does it answer?",
            "states",
            (Query('up{job=~"ringback.*"}', "{{job}} {{instance}}"),),
            about="Whether Prometheus could scrape it.",
            states={0: ("no answer", BAD), 1: ("answers", GOOD)},
            alerts=("TargetAway",),
            width=6,
        ),
        Panel(
            "Starts in 15 minutes",
            "lines",
            (Query("changes(ringback_clock_anchored_created[15m])", "{{instance}}"),),
            about="How often the start time of a process changed.",
            bounds=bounds_of("RestartLoop"),
            alerts=("RestartLoop",),
            width=6,
        ),
        Panel(
            "Clocks: how far outside what the broker allows",
            "lines",
            (Query("ringback_clock_off_seconds", "{{instance}}"),),
            unit="s",
            alerts=("ClockHeld",),
            width=6,
        ),
        Panel(
            "Audits of the books",
            "stacked",
            (
                Query(
                    "sum by (result) (increase(ringback_reminders_audits_total[$__rate_interval]))",
                    "{{result}}",
                ),
            ),
            width=6,
        ),
    ),
)
