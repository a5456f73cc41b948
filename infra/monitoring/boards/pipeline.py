"""The first dashboard to look at: does everything flow, is it in time, is every reminder accounted for?"""

from __future__ import annotations

from infra.monitoring.boards.model import Board, Panel, Query, Row, quantile, side_by_side
from infra.monitoring.boards.telling import BAD, GOOD, bounds_of
from infra.monitoring.boards.trouble import PROCESSES, WRONG
from infra.monitoring.objectives import BURNS, INDICATORS, OBJECTIVE

OURS = 'consumergroup=~"ringback[.].*"'
_LATE = 'ringback_post_lateness_seconds_bucket{what="call",try="first"}'
_BURNS = tuple(f"{indicator.name}Burn{burn.name}" for indicator in INDICATORS for burn in BURNS)
_SHARES = ((0.5, "half of them"), (0.99, "99 %"))
_PROMISED = ((None, BAD), (OBJECTIVE, GOOD))
_BUDGET = (
    (None, GOOD),
    *((burn.rate, colour) for burn, colour in zip(reversed(BURNS), ("yellow", "orange", BAD), strict=True)),
)

_NOW = Row(
    "Is it well?",
    side_by_side(
        Panel(
            "Alerts that fire",
            "number",
            (Query('count(ALERTS{alertstate="firing"}) or vector(0)'),),
            about="Each has a section in the runbook, one of the dashboards linked above.",
            bounds=((None, GOOD), (1, BAD)),
            alerts=(),
        ),
        Panel(
            "Reminders unaccounted",
            "number",
            (Query("sum(ringback_reminders_unaccounted)"),),
            bounds=bounds_of("RemindersUnaccounted"),
        ),
        Panel(
            "Longest overdue",
            "number",
            (Query("max(reminders_overdue_seconds)"),),
            unit="s",
            bounds=bounds_of("RemindersOverdue"),
            decimals=1,
        ),
        Panel(
            "Stage furthest behind",
            "number",
            (Query(f"max(kafka_consumergroup_lag_seconds{{{OURS}}})"),),
            unit="s",
            bounds=bounds_of("GroupBehind"),
            decimals=1,
        ),
        Panel(
            "Records set aside",
            "number",
            (Query("sum(increase(ringback_loop_dead_letters_total[$__range])) or vector(0)"),),
            about="In the time shown.",
            bounds=((None, GOOD), (1, "yellow")),
            decimals=0,
        ),
        Panel(
            "Partitions held",
            "number",
            (Query("sum(ringback_loop_held) or vector(0)"),),
            bounds=bounds_of("PartitionHeld"),
        ),
        Panel(
            "Calls made twice",
            "number",
            (Query("sum(increase(ringback_duplicate_calls_total[$__range]))"),),
            about="In the time shown.",
            bounds=((None, GOOD), (1, BAD)),
            decimals=0,
        ),
        Panel(
            "Charges still to make",
            "number",
            (Query("sum(ringback_charges_owed) - sum(ringback_charges)"),),
            about="What is owed, less what was charged. A few that are on their way are usual; below 0 somebody was"
            " charged what nobody owes.",
            bounds=((None, BAD), (0, GOOD)),
        ),
    ),
)

_FLOW = Row(
    "From an SMS to a phone that rings",
    (
        Panel(
            "What happens in a second",
            "lines",
            (
                Query(
                    'sum(rate(ringback_loop_records_total{stage="inbound"}[$__rate_interval]))',
                    "SMS accepted",
                ),
                Query(
                    'clamp_min(sum(deriv(ringback_reminders{class="fired"}[$__rate_interval])), 0)',
                    "reminders due",
                ),
                Query(
                    'sum(rate(ringback_post_lateness_seconds_count{what="call"}[$__rate_interval]))',
                    "calls asked for",
                ),
                Query(
                    'sum(rate(ringback_post_lateness_seconds_count{what="sms"}[$__rate_interval]))',
                    "replies sent",
                ),
                Query("clamp_min(sum(deriv(ringback_charges[$__rate_interval])), 0)", "charges made"),
            ),
            unit="ops",
            alerts=("ChargesMissing", "ChargesTooMany"),
        ),
        Panel(
            "Oldest record that a stage has not handled",
            "lines",
            (
                Query(
                    f"max by (consumergroup) (kafka_consumergroup_lag_seconds{{{OURS}}})", "{{consumergroup}}"
                ),
            ),
            unit="s",
            about="Lag in seconds: what a user waits because of this stage. Lag in records is on the dashboard of"
            " consumer groups.",
            bounds=bounds_of("GroupBehind"),
        ),
        Panel(
            "How long an SMS waits for its answer",
            "lines",
            tuple(
                Query(quantile(share, "ringback_acknowledgement_seconds"), words) for share, words in _SHARES
            ),
            unit="s",
            bounds=((None, GOOD), (2, BAD)),
            alerts=tuple(f"AcknowledgementsBurn{burn.name}" for burn in BURNS),
        ),
        Panel(
            "How late calls are asked of the carrier",
            "heat",
            (Query(f"sum by (le) (increase({_LATE}[$__rate_interval]))", "{{le}}"),),
            unit="s",
            about="First tries: each column is a moment, each row how late, the colour how many calls.",
            alerts=tuple(f"CallsBurn{burn.name}" for burn in BURNS),
            width=12,
        ),
        Panel(
            "Lateness of calls and of replies",
            "lines",
            tuple(
                Query(
                    quantile(
                        share, "ringback_post_lateness_seconds", chosen=f'{{what="{what}",try="first"}}'
                    ),
                    f"{who}, {words}",
                )
                for what, who in (("call", "calls"), ("sms", "replies"))
                for share, words in _SHARES
            ),
            unit="s",
            about="From when it was to go out until it was asked of the carrier, first tries. Promised: within 1 s for"
            f" {OBJECTIVE:.1%} of them.",
            bounds=((None, GOOD), (1, BAD)),
            width=12,
        ),
    ),
)

_ACCOUNTED = Row(
    "Every reminder is accounted for",
    (
        Panel(
            "Where the accepted reminders stand",
            "stacked",
            (Query('sum by (class) (ringback_reminders{class!~"accepted|open"})', "{{class}}"),),
            about="The areas add up to all that were accepted since ever.",
            width=12,
        ),
        Panel(
            "Accepted, less all classes",
            "lines",
            (Query("sum by (tenant) (ringback_reminders_unaccounted)", "{{tenant}}"),),
            bounds=bounds_of("RemindersUnaccounted"),
            width=6,
        ),
        Panel(
            "How long the next reminder has been due",
            "lines",
            (Query("max by (partition) (reminders_overdue_seconds)", "partition {{partition}}"),),
            unit="s",
            bounds=bounds_of("RemindersOverdue"),
            width=6,
        ),
    ),
)

_PROMISES = Row(
    "What users are promised",
    (
        Panel(
            "As promised, in a day",
            "number",
            tuple(
                Query(f"1 - {indicator.recorded}:ratio_rate1d", indicator.name.lower())
                for indicator in INDICATORS
            ),
            unit="percentunit",
            about=" ".join(f"**{indicator.name}:** {indicator.means}" for indicator in INDICATORS)
            + f" The objective of each is {OBJECTIVE:.1%} over 30 days.",
            bounds=_PROMISED,
            alerts=_BURNS,
            width=12,
            decimals=2,
        ),
        Panel(
            "How fast the room for failure is used up",
            "lines",
            tuple(
                Query(f"{indicator.recorded}:ratio_rate1h / {1 - OBJECTIVE:g}", indicator.name.lower())
                for indicator in INDICATORS
            ),
            about="Of the last hour. At 1 it lasts for exactly 30 days; the lines are where alerts begin to look.",
            bounds=_BUDGET,
            alerts=_BURNS,
            width=12,
        ),
    ),
)

PIPELINE = Board(
    "pipeline",
    "Ringback: pipeline",
    "Does everything flow, is it in time, is every reminder accounted for?",
    (_NOW, _FLOW, _ACCOUNTED, WRONG, PROCESSES, _PROMISES),
)
