"""Topics and users as Strimzi's operators take them (0.49 or newer: `kafka.strimzi.io/v1`), and how pods use them.

Pods authenticate by SCRAM over TLS. The user operator keeps a Secret with the password in the user's name, the
cluster operator one with the cluster's CA; both lie in the namespace of the Kafka cluster, so Ringback does too.
"""

from __future__ import annotations

from connectors.kafka.topics import wanted_config
from infra.deploy import sizes
from infra.deploy.workloads import Object, name_of
from streams.access import LAG, Grant, Service, service, services
from streams.topology import DOORS, STAGES, VIEWS, topics

API = "kafka.strimzi.io/v1"
CLUSTER = "kafka"  # metadata.name of the Kafka object; the CA's Secret is named after it
# Who is in a pod. The operator's user is for people, who take its password from its Secret the same way.
IN_PODS = (*DOORS, *STAGES, VIEWS.name, LAG)


def topic_objects() -> list[Object]:
    return [
        {
            "apiVersion": API,
            "kind": "KafkaTopic",
            "metadata": {"name": topic.name, "labels": {"strimzi.io/cluster": CLUSTER}},
            "spec": {
                "topicName": topic.name,
                "partitions": sizes.PARTITIONS,
                "replicas": sizes.REPLICATION,
                "config": {n: _scalar(v) for n, v in wanted_config(topic, sizes.REPLICATION).items()},
            },
        }
        for topic in topics()
    ]


def _scalar(value: str) -> int | str:
    return int(value) if value.isdecimal() else value


def user_objects() -> list[Object]:
    return [_user(each) for each in services()]


def _user(of: Service) -> Object:
    return {
        "apiVersion": API,
        "kind": "KafkaUser",
        "metadata": {"name": of.user, "labels": {"strimzi.io/cluster": CLUSTER}},
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {"type": "simple", "acls": [_acl(grant) for grant in of.grants]},
        },
    }


def _acl(grant: Grant) -> Object:
    resource = {
        "type": grant.resource,
        "name": grant.name,
        "patternType": "prefix" if grant.prefix else "literal",
    }
    return {"resource": resource, "operations": list(grant.operations)}


def environment_of(name: str) -> list[Object]:
    """What a pod of the service called `name` needs to connect as its own user."""
    user = service(name).user

    def secret(of: str, key: str) -> Object:
        return {"secretKeyRef": {"name": of, "key": key}}

    return [
        {"name": "KAFKA_BOOTSTRAP_SERVERS", "value": f"{CLUSTER}-kafka-bootstrap:9093"},
        {"name": "KAFKA_SECURITY_PROTOCOL", "value": "sasl_ssl"},
        {"name": "KAFKA_SASL_MECHANISM", "value": "SCRAM-SHA-512"},
        {"name": "KAFKA_SASL_USERNAME", "value": user},
        {"name": "KAFKA_SASL_PASSWORD", "valueFrom": secret(user, "password")},
        {"name": "KAFKA_SSL_CA_PEM", "valueFrom": secret(f"{CLUSTER}-cluster-ca-cert", "ca.crt")},
    ]


def patches() -> list[Object]:
    """Strategic merge patches that give each workload its user."""
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet" if name in (*STAGES, VIEWS.name) else "Deployment",
            "metadata": {"name": name_of(name)},
            "spec": {
                "template": {
                    "spec": {"containers": [{"name": name, "env": environment_of(name)}]},
                }
            },
        }
        for name in IN_PODS
    ]
