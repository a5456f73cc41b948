"""Symptoms of the cluster and of the groups, mostly from the lag exporter; and whoever is not there to tell."""

from __future__ import annotations

from infra.monitoring.model import Alert, Group, Proof
from infra.monitoring.stories import level

_PS = (
    "ps -eo pid,stat,etime,args | grep ' [r]un '",
    "on its machine: `T` is paused (`kill -CONT PID`), `D` waits for a disk, nothing: it is gone",
)
_STUCK = 'topic="calls.events",partition="2"'
_END = f"kafka_topic_partition_current_offset{{{_STUCK}}}"
_OPEN = f"kafka_topic_partition_last_stable_offset_lag{{{_STUCK}}}"
_OF_STUCK = {"topic": "calls.events", "partition": "2"}

KAFKA = Group(
    "kafka",
    "Groups, brokers, and whoever should tell of them",
    (
        Alert(
            "GroupBehind",
            "max by (consumergroup, topic)"
            ' (kafka_consumergroup_lag_seconds{consumergroup=~"ringback[.].*"}) > 60',
            "2m",
            "page",
            "{{ $labels.consumergroup }} is more than a minute behind in {{ $labels.topic }}",
            "The oldest record that this stage has not committed is older than a minute. It is slow,"
            " paused, held, or not there. Lag in"
            " offsets says little here: transaction markers count in it.",
            "What this stage does comes late: inbound and replies are answers, reminders and calls are"
            " phones that ring.",
            (
                (
                    "ringback lag --group GROUP --partitions --once",
                    "one partition (a bad record, a hung transaction) or all; MEMBERS",
                ),
                ("curl -s http://STAGE:9400/readyz", "of each member: joined, restored, held"),
                ("ringback dead-letters list | tail -5", "whether it is busy with a flood"),
            ),
            level(
                'kafka_consumergroup_lag_seconds{consumergroup="ringback.inbound",topic="sms.inbound",partition="1"}',
                300,
                2,
                {"consumergroup": "ringback.inbound", "topic": "sms.inbound"},
                {
                    'kafka_consumergroup_lag_seconds{consumergroup="other",topic="x",partition="1"}': "9000+0x30"
                },
            ),
        ),
        Alert(
            "GroupWithoutMembers",
            'max by (consumergroup) (kafka_consumergroup_members{consumergroup=~"ringback[.].*"}) == 0',
            "1m",
            "page",
            "{{ $labels.consumergroup }} has no member",
            "Nobody does the work of this stage. Its records wait in Kafka.",
            "As with `GroupBehind`, for everybody.",
            (
                _PS,
                (
                    "kubectl get pods -l app.kubernetes.io/name=ringback",
                    "pods that are not there or start again and again; with compose `docker compose ps`",
                ),
                ("ringback doctor", "what a member would miss at its start, and the command that starts one"),
            ),
            level(
                'kafka_consumergroup_members{consumergroup="ringback.calls"}',
                0,
                1,
                {"consumergroup": "ringback.calls"},
                {'kafka_consumergroup_members{consumergroup="other"}': "0+0x30"},
            ),
        ),
        Alert(
            "LastStableOffsetStuck",
            "min_over_time(kafka_topic_partition_last_stable_offset_lag[5m]) > 0 and"
            " changes((kafka_topic_partition_current_offset -"
            " kafka_topic_partition_last_stable_offset_lag)[5m:1m]) == 0",
            "1m",
            "page",
            "A transaction hangs in {{ $labels.topic }} {{ $labels.partition }}",
            "A transaction was begun and not ended: for five minutes the last stable offset has not"
            " moved, though records lie behind it."
            " No read-committed reader gets them. The broker ends it at the producer's transaction timeout.",
            "Whatever these records ask for waits.",
            (
                (
                    "kafka-transactions.sh --bootstrap-server B find-hanging --topic TOPIC --partition N",
                    "the producer that hangs",
                ),
                ("ringback lag --topic TOPIC --partitions --once", "who waits behind it"),
                (
                    "kafka-transactions.sh --bootstrap-server B abort --topic TOPIC --partition N"
                    " --start-offset O",
                    "once its producer is dead",
                ),
            ),
            Proof(
                {_END: "100+5x30", _OPEN: "0 5+5x29"},
                {_END: "100+5x30", _OPEN: "5+0x30"},
                {_END: "100+5x30", _OPEN: "0 5+5x14 0+0x15"},
                "12m",
                "18m",
                _OF_STUCK,
            ),
        ),
        Alert(
            "UnderReplicated",
            "sum(kafka_topic_partition_under_replicated_partition) > 0",
            "5m",
            "ticket",
            "Partitions have fewer copies than they should",
            "A broker is away or behind. One more, and with `min.insync.replicas` 2 nothing can be written.",
            "Nothing yet.",
            (
                ("ringback doctor", "brokers that do not answer"),
                (
                    "kafka-topics.sh --bootstrap-server B --describe --under-replicated-partitions",
                    "which, and whose copy is missing",
                ),
                ("kafka-broker-api-versions.sh --bootstrap-server B", "which brokers are there at all"),
            ),
            level(
                'kafka_topic_partition_under_replicated_partition{topic="sms.inbound",partition="0"}',
                1,
                0,
                {},
            ),
        ),
        Alert(
            "BrokerAway",
            "max(kafka_up) == 0",
            "1m",
            "page",
            "The Kafka cluster does not answer the lag exporter",
            "All other figures of the exporter are absent, on purpose: none of the past is shown. Alerts"
            " on lag are silent meanwhile.",
            "If the stages do not reach it either: nothing at all happens until it is back, and nothing"
            " is lost.",
            (
                ("ringback doctor", "from another machine too: the cluster, or the way to it"),
                ("ringback lag --once", "the client's own error"),
                ("kafka-broker-api-versions.sh --bootstrap-server B", "which brokers answer"),
            ),
            level("kafka_up", 0, 1, {}),
        ),
        Alert(
            "LagExporterAway",
            "absent(kafka_up)",
            "2m",
            "page",
            "Nobody tells how far the groups are behind",
            "No `kafka_up` is scraped: the exporter does not run or Prometheus does not find it."
            " `GroupBehind`, `RemindersOverdue` and"
            " `GroupWithoutMembers` cannot fire.",
            "Nothing; but nobody would hear of it if they did.",
            (
                ("curl -s http://LAG:9308/healthz", "whether it runs"),
                ("ringback lag --once", "the same figures, by hand"),
                (
                    "promtool query instant http://PROMETHEUS:9090 'up{job=~\".*lag.*\"}'",
                    "0, or nothing: it is not scraped",
                ),
            ),
            Proof(
                {"up": "1+0x30"},
                {"kafka_up": "1+0x30"},
                {"kafka_up": "_x12 1+0x15"},
                "10m",
                "15m",
            ),
        ),
        Alert(
            "TargetAway",
            'up{job=~"ringback.*"} == 0',
            "3m",
            "ticket",
            "{{ $labels.instance }} of {{ $labels.job }} cannot be scraped",
            "The process is gone, hangs, or Prometheus' list is old. Its group goes on without it if it"
            " has other members.",
            "Nothing while others take over.",
            (
                (
                    "curl -m 5 -s http://INSTANCE/healthz",
                    "200: the network is in Prometheus' way. Refused: it is gone. Silence: it hangs, or is paused",
                ),
                _PS,
                ("ringback lag --group 'ringback.*' --once", "MEMBERS: whether its group misses it"),
            ),
            level(
                'up{job="ringback-calls",instance="a:9400"}',
                0,
                1,
                {"job": "ringback-calls", "instance": "a:9400"},
                {'up{job="other",instance="b"}': "0+0x30"},
            ),
        ),
    ),
)
