"""Every family of the lag exporter (`connectors/lag`), as data: a table beside that of `metrics.py`.

The processes of the pipeline do not have these, and a page that showed `kafka_up 0` because nobody looked would wake
somebody. `KNOWN` are the families of danielqsj/kafka_exporter 1.9 with its names, labels and words, so that what
people have built on it (dashboards, KEDA, alerts) finds them; `OURS` is what it lacks, `SELF` what the exporter says
of itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from streams.metrics import Metric

_PARTITION = ("partition", "topic")
_GROUP_PARTITION = ("consumergroup", "partition", "topic")
_GROUP_TOPIC = ("consumergroup", "topic")


def _gauge(name: str, unit: str, labels: tuple[str, ...], meaning: str) -> Metric:
    return Metric(name, "gauge", unit, labels, meaning)


KNOWN: tuple[Metric, ...] = (
    _gauge("kafka_brokers", "brokers", (), "Number of Brokers in the Kafka Cluster."),
    _gauge("kafka_broker_info", "info", ("address", "id"), "Information about the Kafka Broker."),
    _gauge("kafka_topic_partitions", "partitions", ("topic",), "Number of partitions for this Topic"),
    _gauge(
        "kafka_topic_partition_current_offset",
        "offset",
        _PARTITION,
        "Current Offset of a Broker at Topic/Partition",
    ),
    _gauge(
        "kafka_topic_partition_oldest_offset",
        "offset",
        _PARTITION,
        "Oldest Offset of a Broker at Topic/Partition",
    ),
    _gauge(
        "kafka_topic_partition_leader", "broker id", _PARTITION, "Leader Broker ID of this Topic/Partition"
    ),
    _gauge(
        "kafka_topic_partition_replicas",
        "replicas",
        _PARTITION,
        "Number of Replicas for this Topic/Partition",
    ),
    _gauge(
        "kafka_topic_partition_in_sync_replica",
        "replicas",
        _PARTITION,
        "Number of In-Sync Replicas for this Topic/Partition",
    ),
    _gauge(
        "kafka_topic_partition_leader_is_preferred",
        "boolean",
        _PARTITION,
        "1 if Topic/Partition is using the Preferred Broker",
    ),
    _gauge(
        "kafka_topic_partition_under_replicated_partition",
        "boolean",
        _PARTITION,
        "1 if Topic/Partition is under Replicated",
    ),
    _gauge(
        "kafka_consumergroup_current_offset",
        "offset",
        _GROUP_PARTITION,
        "Current Offset of a ConsumerGroup at Topic/Partition",
    ),
    _gauge(
        "kafka_consumergroup_current_offset_sum",
        "offsets",
        _GROUP_TOPIC,
        "Current Offset of a ConsumerGroup at Topic for all partitions",
    ),
    _gauge(
        "kafka_consumergroup_lag",
        "offsets",
        _GROUP_PARTITION,
        "Current Approximate Lag of a ConsumerGroup at Topic/Partition",
    ),
    _gauge(
        "kafka_consumergroup_lag_sum",
        "offsets",
        _GROUP_TOPIC,
        "Current Approximate Lag of a ConsumerGroup at Topic for all partitions",
    ),
    _gauge(
        "kafka_consumergroup_members", "members", ("consumergroup",), "Amount of members in a consumer group"
    ),
)

OURS: tuple[Metric, ...] = (
    _gauge(
        "kafka_up",
        "boolean",
        (),
        "1 if the cluster has answered this scrape; with 0 there is no other kafka_ family on the page",
    ),
    _gauge(
        "kafka_topic_partition_last_stable_offset_lag",
        "offsets",
        _PARTITION,
        "offsets between the last stable offset and the high watermark: records of open transactions, which no"
        " read-committed reader gets; one that stays means a transaction that hangs",
    ),
    _gauge(
        "kafka_consumergroup_lag_seconds",
        "seconds",
        _GROUP_PARTITION,
        "age of the oldest record that a read-committed member could have and that is not yet committed, by its"
        " timestamp; 0 when there is none",
    ),
    _gauge(
        "kafka_consumergroup_readable_records",
        "records",
        _GROUP_PARTITION,
        "records that a read-committed member still has to get: no transaction markers, nothing aborted. The one to"
        " alert on",
    ),
    _gauge(
        "reminders_overdue_seconds",
        "seconds",
        ("partition",),
        "how long the next timer of the timer stream has been due, 0 when it is yet to come; it grows too when no"
        " member runs",
    ),
    _gauge(
        "reminders_pending",
        "occurrences",
        ("partition",),
        "reminders that wait for their first call, as of the timer stream's last commit in this partition",
    ),
)

SELF: tuple[Metric, ...] = (
    _gauge("ringback_lag_scrape_seconds", "seconds", (), "how long the making of this page took"),
    Metric("ringback_lag_scrapes_total", "counter", "scrapes", ("result",), "pages made: ok, or failed"),
    Metric(
        "ringback_lag_errors_total",
        "counter",
        "errors",
        ("what",),
        "answers that did not come, so that their samples are absent: of a partition, a group, or records of one",
    ),
    Metric(
        "ringback_lag_records_read_total",
        "counter",
        "records",
        (),
        "records read to tell markers from records and how old they are",
    ),
    _gauge(
        "ringback_lag_estimated",
        "partitions",
        (),
        "(group, partition) pairs whose readable_records is an estimate on this page, because the group is too far"
        " behind to count",
    ),
    _gauge(
        "ringback_lag_unread",
        "partitions",
        (),
        "(group, partition) pairs that are behind and whose lag_seconds is not known yet, so that it is absent",
    ),
)

LAG_METRICS: Mapping[str, Metric] = {metric.name: metric for metric in (*KNOWN, *OURS, *SELF)}
