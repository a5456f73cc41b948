"""A row on the read models, beside the groups: what reads the topics and is no stage."""

from __future__ import annotations

from infra.monitoring.boards.model import Panel, Query, Row
from infra.monitoring.boards.telling import BAD, GOOD, bounds_of

READ_MODELS = Row(
    "Read models",
    (
        Panel(
            "How old the answers are",
            "lines",
            (Query("max by (instance) (ringback_views_behind_seconds)", "{{instance}}"),),
            unit="s",
            bounds=bounds_of("ViewsBehind"),
            width=6,
        ),
        Panel(
            "Do they answer?",
            "states",
            (Query("max by (instance) (ringback_views_whole)", "{{instance}}"),),
            states={0: ("503", BAD), 1: ("answers", GOOD)},
            width=6,
        ),
        Panel(
            "Records taken in",
            "lines",
            (
                Query(
                    "sum by (topic, result) (rate(ringback_views_records_total[$__rate_interval]))",
                    "{{topic}}: {{result}}",
                ),
            ),
            unit="ops",
            width=6,
        ),
        Panel(
            "Questions, by what they were answered with",
            "lines",
            (
                Query(
                    "sum by (endpoint, status) (rate(ringback_views_requests_total[$__rate_interval]))",
                    "{{endpoint}}: {{status}}",
                ),
            ),
            unit="reqps",
            width=6,
        ),
    ),
)
