"""Consumer groups, as who knows the dashboards of danielqsj/kafka_exporter expects them, with what its figures lack.

What its overview asks for is here under the same expressions: offsets a second and a minute, lag, partitions.
"""

from __future__ import annotations

from infra.monitoring.boards.model import Board, Panel, Query, Row, Variable, side_by_side
from infra.monitoring.boards.telling import BAD, GOOD, bounds_of
from infra.monitoring.boards.views import READ_MODELS

_TOPIC = 'topic=~"$topic",partition=~"$partition"'
_OURS = f'{_TOPIC},topic!~"__.*"'  # Kafka's own topics would dwarf the rest
_GROUP = f'consumergroup=~"$group",{_TOPIC}'
_BY_GROUP = "sum by (consumergroup, topic)"
_ROW_OF = "max by (consumergroup, topic, partition)"

_NOW = Row(
    "The cluster",
    side_by_side(
        Panel(
            "Kafka answers",
            "number",
            (Query("max(kafka_up)"),),
            states={0: ("no", BAD), 1: ("yes", GOOD)},
            alerts=("BrokerAway", "LagExporterAway"),
        ),
        Panel("Brokers", "number", (Query("max(kafka_brokers)"),)),
        Panel(
            "Partitions",
            "number",
            (Query('sum(kafka_topic_partitions{topic!~"__.*"})'),),
            about="Of topics that are not Kafka's own.",
        ),
        Panel(
            "Partitions with too few copies",
            "number",
            (Query("sum(kafka_topic_partition_under_replicated_partition)"),),
            bounds=((None, GOOD), (1, BAD)),
        ),
        Panel(
            "Groups",
            "number",
            (Query('count(kafka_consumergroup_members{consumergroup=~"$group"})'),),
            alerts=(),
        ),
        Panel(
            "Groups without a member",
            "number",
            (Query('count(kafka_consumergroup_members{consumergroup=~"$group"} == 0) or vector(0)'),),
            bounds=((None, GOOD), (1, BAD)),
        ),
    ),
)

_BEHIND = Row(
    "How far groups are behind",
    (
        Panel(
            "Lag in seconds",
            "lines",
            (
                Query(
                    f"max by (consumergroup, topic) (kafka_consumergroup_lag_seconds{{{_GROUP}}})",
                    "{{consumergroup}} / {{topic}}",
                ),
            ),
            unit="s",
            bounds=bounds_of("GroupBehind"),
            width=12,
            height=10,
        ),
        Panel(
            "Records still to read",
            "lines",
            (
                Query(
                    f"{_BY_GROUP} (kafka_consumergroup_readable_records{{{_GROUP}}})",
                    "{{consumergroup}} / {{topic}}",
                ),
            ),
            alerts=("GroupBehind",),
            width=12,
            height=10,
        ),
        Panel(
            "Lag by consumer group",
            "lines",
            (
                Query(
                    f"{_BY_GROUP} (kafka_consumergroup_lag{{{_GROUP}}} >= 0)", "{{consumergroup}} / {{topic}}"
                ),
            ),
            about="In offsets, as the known exporter and Kafka's own command count: markers of transactions are in it,"
            " so it does not come down to 0 for a group that has read everything.",
            alerts=("GroupBehind",),
            width=12,
            height=10,
        ),
        Panel(
            "Members of each group",
            "lines",
            (
                Query(
                    'max by (consumergroup) (kafka_consumergroup_members{consumergroup=~"$group"})',
                    "{{consumergroup}}",
                ),
            ),
            bounds=(),
            width=12,
            height=10,
        ),
    ),
)

_PACE = Row(
    "How fast it goes",
    (
        Panel(
            "Message in per second",
            "lines",
            (
                Query(
                    f"sum by (topic) (rate(kafka_topic_partition_current_offset{{{_OURS}}}[1m]))",
                    "{{topic}}",
                ),
            ),
            unit="cps",
            about="Rate of log end offsets over 1 minute; markers of transactions count.",
            alerts=(),
            width=12,
        ),
        Panel(
            "Message consume per second",
            "lines",
            (
                Query(
                    f"{_BY_GROUP} (rate(kafka_consumergroup_current_offset{{{_GROUP}}}[1m]))",
                    "{{consumergroup}} / {{topic}}",
                ),
            ),
            unit="cps",
            about="Rate of committed offsets over 1 minute.",
            alerts=(),
            width=12,
        ),
        Panel(
            "Message in per minute",
            "lines",
            (
                Query(
                    f"sum by (topic) (delta(kafka_topic_partition_current_offset{{{_OURS}}}[5m]) / 5)",
                    "{{topic}}",
                ),
            ),
            unit="cpm",
            about="Over 5 minutes.",
            alerts=(),
            width=12,
        ),
        Panel(
            "Message consume per minute",
            "lines",
            (
                Query(
                    f"{_BY_GROUP} (delta(kafka_consumergroup_current_offset{{{_GROUP}}}[5m]) / 5)",
                    "{{consumergroup}} / {{topic}}",
                ),
            ),
            unit="cpm",
            about="Over 5 minutes.",
            alerts=(),
            width=12,
        ),
    ),
)

_EACH = Row(
    "Each partition",
    (
        Panel(
            "Where each group stands in each partition",
            "table",
            (
                Query(
                    f"{_ROW_OF} (kafka_consumergroup_current_offset{{{_GROUP}}})", "committed offset", "none"
                ),
                Query(f"{_ROW_OF} (kafka_consumergroup_lag{{{_GROUP}}})", "lag in offsets"),
                Query(f"{_ROW_OF} (kafka_consumergroup_readable_records{{{_GROUP}}})", "records to read"),
                Query(f"{_ROW_OF} (kafka_consumergroup_lag_seconds{{{_GROUP}}})", "lag in seconds", "s"),
            ),
            about="-1: the group has not committed there.",
            alerts=("GroupBehind",),
            width=16,
            height=12,
        ),
        Panel(
            "Partitions per topic",
            "bars",
            (Query('max by (topic) (kafka_topic_partitions{topic=~"$topic",topic!~"__.*"})', "{{topic}}"),),
            alerts=(),
            height=12,
        ),
        Panel(
            "Records that no read-committed reader gets yet",
            "lines",
            (
                Query(
                    f"sum by (topic) (kafka_topic_partition_last_stable_offset_lag{{{_OURS}}})", "{{topic}}"
                ),
            ),
            about="The last stable offset, behind the high watermark: transactions that are open.",
            width=8,
        ),
        Panel(
            "Records that warm standbys have not read",
            "lines",
            (Query("sum by (stage) (ringback_standby_lag_records)", "{{stage}}"),),
            width=8,
        ),
        Panel(
            "Offsets kept in each topic",
            "lines",
            (
                Query(
                    f"sum by (topic) (kafka_topic_partition_current_offset{{{_OURS}}}"
                    f" - kafka_topic_partition_oldest_offset{{{_OURS}}})",
                    "{{topic}}",
                ),
            ),
            about="From the oldest that retention has left to the end.",
            alerts=(),
            width=8,
        ),
    ),
)

_ITSELF = Row(
    "The exporter itself",
    (
        Panel(
            "How long a page takes",
            "lines",
            (Query("max(ringback_lag_scrape_seconds)", "seconds"),),
            unit="s",
        ),
        Panel(
            "Pages and answers that did not come",
            "lines",
            (
                Query(
                    "sum by (result) (rate(ringback_lag_scrapes_total[$__rate_interval]))",
                    "pages: {{result}}",
                ),
                Query(
                    "sum by (what) (rate(ringback_lag_errors_total[$__rate_interval]))", "no answer: {{what}}"
                ),
            ),
            unit="ops",
        ),
        Panel(
            "What is estimated, or not known yet",
            "lines",
            (
                Query("max(ringback_lag_estimated)", "estimated"),
                Query("max(ringback_lag_unread)", "not known yet"),
            ),
        ),
    ),
)

GROUPS_BOARD = Board(
    "groups",
    "Ringback: consumer groups",
    "Lag of each consumer group, in seconds, records and offsets, of this cluster's other groups too.",
    (_NOW, _BEHIND, _PACE, _EACH, READ_MODELS, _ITSELF),
    (
        Variable("group", "Consumer group", "kafka_consumergroup_members", "consumergroup"),
        Variable("topic", "Topic", 'kafka_topic_partitions{topic!~"__.*"}', "topic"),
        Variable("partition", "Partition", 'kafka_topic_partition_leader{topic=~"$topic"}', "partition"),
    ),
)
