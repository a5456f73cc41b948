"""Every family of the lag exporter (`connectors/lag`), as data: a table beside those of `metrics/`.

The processes of the pipeline do not have these, and a page that showed `kafka_up 0` because nobody looked would wake
somebody. `KNOWN` are the families of danielqsj/kafka_exporter 1.9 with its names, labels and words, so that what
people have built on it (dashboards, KEDA, alerts) finds them; `OURS` is what it lacks, `SELF` what the exporter says
of itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from streams.metrics import CONTEXT, Metric

_PARTITION = ("partition", "topic")
_GROUP_PARTITION = ("consumergroup", "partition", "topic")
_GROUP_TOPIC = ("consumergroup", "topic")


def _gauge(name: str, unit: str, labels: tuple[str, ...], meaning: str, what_to_do: str) -> Metric:
    return Metric(name, "gauge", unit, labels, meaning, what_to_do)


KNOWN: tuple[Metric, ...] = (
    _gauge(
        "kafka_brokers",
        "brokers",
        (),
        "Number of Brokers in the Kafka Cluster.",
        "fewer than you run: one is away, see kafka_topic_partition_under_replicated_partition",
    ),
    _gauge("kafka_broker_info", "info", ("address", "id"), "Information about the Kafka Broker.", CONTEXT),
    _gauge(
        "kafka_topic_partitions",
        "partitions",
        ("topic",),
        "Number of partitions for this Topic",
        f"{CONTEXT}; other than `ringback topics plan` wants: streams/reminders/adding-partitions.md",
    ),
    _gauge(
        "kafka_topic_partition_current_offset",
        "offset",
        _PARTITION,
        "Current Offset of a Broker at Topic/Partition",
        f"{CONTEXT}: its rate is what is written",
    ),
    _gauge(
        "kafka_topic_partition_oldest_offset",
        "offset",
        _PARTITION,
        "Oldest Offset of a Broker at Topic/Partition",
        f"{CONTEXT}: it moves as retention deletes; above a group's offset, records were deleted unread",
    ),
    _gauge(
        "kafka_topic_partition_leader",
        "broker id",
        _PARTITION,
        "Leader Broker ID of this Topic/Partition",
        "-1: nobody leads, so nothing is read or written there; start the broker that has it",
    ),
    _gauge(
        "kafka_topic_partition_replicas",
        "replicas",
        _PARTITION,
        "Number of Replicas for this Topic/Partition",
        "1: no copy; raise the replication factor before a disk dies",
    ),
    _gauge(
        "kafka_topic_partition_in_sync_replica",
        "replicas",
        _PARTITION,
        "Number of In-Sync Replicas for this Topic/Partition",
        "below the replicas: a broker is away or behind; below min.insync.replicas nothing can be written",
    ),
    _gauge(
        "kafka_topic_partition_leader_is_preferred",
        "boolean",
        _PARTITION,
        "1 if Topic/Partition is using the Preferred Broker",
        f"{CONTEXT}; many 0 after a broker's restart: `kafka-leader-election.sh --election-type preferred`",
    ),
    _gauge(
        "kafka_topic_partition_under_replicated_partition",
        "boolean",
        _PARTITION,
        "1 if Topic/Partition is under Replicated",
        "1: `ringback doctor` for the broker that is away",
    ),
    _gauge(
        "kafka_consumergroup_current_offset",
        "offset",
        _GROUP_PARTITION,
        "Current Offset of a ConsumerGroup at Topic/Partition",
        f"{CONTEXT}: its rate is what the group does; 0 while the topic grows: it stands still",
    ),
    _gauge(
        "kafka_consumergroup_current_offset_sum",
        "offsets",
        _GROUP_TOPIC,
        "Current Offset of a ConsumerGroup at Topic for all partitions",
        f"{CONTEXT}: its rate is what the group does",
    ),
    _gauge(
        "kafka_consumergroup_lag",
        "offsets",
        _GROUP_PARTITION,
        "Current Approximate Lag of a ConsumerGroup at Topic/Partition",
        f"{CONTEXT}: transaction markers count in it; kafka_consumergroup_readable_records is the one for alerts",
    ),
    _gauge(
        "kafka_consumergroup_lag_sum",
        "offsets",
        _GROUP_TOPIC,
        "Current Approximate Lag of a ConsumerGroup at Topic for all partitions",
        f"{CONTEXT}: see kafka_consumergroup_lag",
    ),
    _gauge(
        "kafka_consumergroup_members",
        "members",
        ("consumergroup",),
        "Amount of members in a consumer group",
        "0: nobody does this work, start a member; fewer than processes: two have one RINGBACK_MEMBER",
    ),
)

OURS: tuple[Metric, ...] = (
    _gauge(
        "kafka_up",
        "boolean",
        (),
        "1 if the cluster has answered this scrape; with 0 there is no other kafka_ family on the page",
        "0: `ringback doctor`; every alert on lag is silent meanwhile",
    ),
    _gauge(
        "kafka_topic_partition_last_stable_offset_lag",
        "offsets",
        _PARTITION,
        "offsets between the last stable offset and the high watermark: records of open transactions, which no"
        " read-committed reader gets",
        "it stays: a transaction hangs; `kafka-transactions.sh find-hanging`, and LastStableOffsetStuck",
    ),
    _gauge(
        "kafka_consumergroup_lag_seconds",
        "seconds",
        _GROUP_PARTITION,
        "age of the oldest record that a read-committed member could have and that is not yet committed, by its"
        " timestamp; 0 when there is none",
        "it grows: `ringback lag --group GROUP --partitions`: one partition (held, hung), or all (slow, no member)",
    ),
    _gauge(
        "kafka_consumergroup_readable_records",
        "records",
        _GROUP_PARTITION,
        "records that a read-committed member still has to get: no transaction markers, nothing aborted. The"
        " one to alert on",
        "it grows: add members, if the carrier or the brokers are not what they wait for",
    ),
    _gauge(
        "reminders_overdue_seconds",
        "seconds",
        ("partition",),
        "how long the next timer of the timer stream has been due, 0 when it is yet to come; it grows too when no"
        " member runs",
        "more than a few seconds: `/readyz` of the members of reminders; RemindersOverdue has the commands",
    ),
    _gauge(
        "reminders_pending",
        "occurrences",
        ("partition",),
        "reminders that wait for their first call, as of the timer stream's last commit in this partition",
        CONTEXT,
    ),
)

SELF: tuple[Metric, ...] = (
    _gauge(
        "ringback_lag_scrape_seconds",
        "seconds",
        (),
        "how long the making of this page took",
        "near the scrape interval: scrape less often; a group far behind makes it slow for a while",
    ),
    Metric(
        "ringback_lag_scrapes_total",
        "counter",
        "scrapes",
        ("result",),
        "pages made: ok, or failed",
        "failed: `ringback doctor`, then the exporter's log",
    ),
    Metric(
        "ringback_lag_errors_total",
        "counter",
        "errors",
        ("what",),
        "answers that did not come, so that their samples are absent: of a partition, a group, or records of one",
        "a steady rate: a broker that does not answer, or rights that the exporter lacks (streams/access.md)",
    ),
    Metric(
        "ringback_lag_records_read_total",
        "counter",
        "records",
        (),
        "records read to tell markers from records and how old they are",
        f"{CONTEXT}: what counting markers costs",
    ),
    _gauge(
        "ringback_lag_estimated",
        "partitions",
        (),
        "(group, partition) pairs whose readable_records is an estimate on this page, because the group is too far"
        " behind to count",
        f"{CONTEXT}: figures of groups that are far behind are rough",
    ),
    _gauge(
        "ringback_lag_unread",
        "partitions",
        (),
        "(group, partition) pairs that are behind and whose lag_seconds is not known yet, so that it is absent",
        "it stays above 0: the exporter cannot read those records; ringback_lag_errors_total, rights",
    ),
)

LAG_METRICS: Mapping[str, Metric] = {metric.name: metric for metric in (*KNOWN, *OURS, *SELF)}
