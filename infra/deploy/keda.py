"""KEDA ScaledObjects: `inbound` by lag, `calls` by how long reminders are overdue, both from the lag exporter.

Every change of the number of members is a rebalance: they are added two at a time and taken away one in five minutes.
The other stages keep their size: the timer stream is bounded by its disk and the broker, replies and billing follow it.
"""

from __future__ import annotations

from infra.deploy import sizes
from infra.deploy.workloads import Object, name_of
from streams.topology import CALLING, INBOUND

PROMETHEUS = "http://prometheus-operated.monitoring:9090"
SCALED = (INBOUND.name, CALLING.name)


def objects() -> list[Object]:
    return [
        _scaled(
            INBOUND.name,
            # A record each group member can read is a partition's: more members than partitions would idle.
            most=sizes.PARTITIONS,
            trigger={
                "type": "prometheus",
                "metricType": "AverageValue",
                "metadata": {
                    "serverAddress": PROMETHEUS,
                    "query": f'sum(kafka_consumergroup_lag{{consumergroup="{INBOUND.group}"}})',
                    "threshold": str(sizes.INBOUND_LAG_OF_MEMBER),
                },
            },
        ),
        _scaled(
            CALLING.name,
            most=sizes.most_members_of_calls(),
            trigger={
                "type": "prometheus",
                # The oldest of all: an average over members would fall with their number.
                "metricType": "Value",
                "metadata": {
                    "serverAddress": PROMETHEUS,
                    "query": "max(reminders_overdue_seconds)",
                    "threshold": str(sizes.OVERDUE_S),
                },
            },
        ),
    ]


def _scaled(stage: str, most: int, trigger: Object) -> Object:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name_of(stage)},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name_of(stage)},
            "pollingInterval": 15,
            "minReplicaCount": sizes.REPLICAS,
            "maxReplicaCount": most,
            "advanced": {
                "horizontalPodAutoscalerConfig": {
                    "behavior": {
                        "scaleUp": {
                            "stabilizationWindowSeconds": 30,
                            "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}],
                        },
                        "scaleDown": {
                            "stabilizationWindowSeconds": 600,
                            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 300}],
                        },
                    }
                }
            },
            "triggers": [trigger],
        },
    }


def patches() -> list[Object]:
    """The autoscaler owns the number of members: a `replicas` in the manifest would take it back at each apply."""
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": name_of(stage)},
            "spec": {"replicas": None},
        }
        for stage in SCALED
    ]
