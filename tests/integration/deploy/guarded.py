"""A cluster that lets nobody do what streams/access.py does not list, and the pipeline with a user for each service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from infra.cluster import ChildProcess, LocalCluster, broker
from infra.cluster.ports import lease_port
from streams.access import Grant, Operation, Resource, Service, services
from tests.integration.path.pipeline import Pipeline

LISTENER, PASSWORD = "GUARDED", "of-this-test-only"
RESOURCES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactionalId": ResourceType.TRANSACTIONAL_ID,
}
OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "Create": AclOperation.CREATE,
}


@contextmanager
def guarded_cluster(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[tuple[LocalCluster, str]]:
    """(cluster, address of the guarded listener). The usual listener is the test's own and may do everything."""
    with lease_port(None) as port:
        plain = broker.properties

        def properties(node: int, ports: Sequence[broker.NodePorts]) -> dict[str, str]:
            return plain(node, ports) | _guards(plain(node, ports), port.port)

        patch.setattr(broker, "properties", properties)
        with LocalCluster.start(folder, progress=print, heap_mb=384) as cluster:
            give_rights(AdminClient({"bootstrap.servers": cluster.bootstrap_servers}), services())
            yield cluster, f"127.0.0.1:{port.port}"


def _guards(found: dict[str, str], port: int) -> dict[str, str]:
    users = " ".join(f'user_{service.user}="{PASSWORD}"' for service in services())
    name = f"listener.name.{LISTENER.lower()}"
    here = f"{LISTENER}://127.0.0.1:{port}"
    return {
        "listeners": f"{found['listeners']},{here}",
        "advertised.listeners": f"{found['advertised.listeners']},{here}",
        "listener.security.protocol.map": f"{found['listener.security.protocol.map']},{LISTENER}:SASL_PLAINTEXT",
        f"{name}.sasl.enabled.mechanisms": "PLAIN",
        f"{name}.plain.sasl.jaas.config": (
            f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }


def give_rights(admin: AdminClient, to: Sequence[Service]) -> None:
    """Every grant as the ACLs that an operator would make of it."""
    bindings = [
        _binding(service, grant, operation)
        for service in to
        for grant in service.grants
        for operation in grant.operations
    ]
    for future in admin.create_acls(bindings).values():
        future.result(10)


@contextmanager
def without(
    admin: AdminClient, of: Service, resource: Resource, name: str, operation: Operation
) -> Iterator[None]:
    """Take one right of a service away, and give it back at the end. Raises ValueError when it has no such right."""
    found = [g for g in of.grants if (g.resource, g.name) == (resource, name) and operation in g.operations]
    if not found:
        raise ValueError(f"{of.name} has no right to {operation} {resource} {name}")
    taken = _binding(of, found[0], operation)
    fields = (taken.restype, taken.name, taken.resource_pattern_type, taken.principal, taken.host)
    only = AclBindingFilter(*fields, taken.operation, taken.permission_type)
    deleted = [future.result(10) for future in admin.delete_acls([only]).values()]
    assert [len(bindings) for bindings in deleted] == [1], "the broker knows no such right"
    try:
        yield
    finally:
        for future in admin.create_acls([taken]).values():
            future.result(10)


def _binding(service: Service, grant: Grant, operation: Operation) -> AclBinding:
    return AclBinding(
        RESOURCES[grant.resource],
        grant.name,
        ResourcePatternType.PREFIXED if grant.prefix else ResourcePatternType.LITERAL,
        f"User:{service.user}",
        "*",
        OPERATIONS[operation],
        AclPermissionType.ALLOW,
    )


def credentials(service: str) -> dict[str, str]:
    """Environment variables by which a process is that service."""
    return {
        "KAFKA_SECURITY_PROTOCOL": "sasl_plaintext",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SASL_USERNAME": f"ringback-{service}",
        "KAFKA_SASL_PASSWORD": PASSWORD,
    }


class GuardedPipeline(Pipeline):
    """Each process connects as its own service, to the guarded listener."""

    address: str

    def _spawn(self, name: str, *arguments: str, **extra: str) -> ChildProcess:
        guarded = {"KAFKA_BOOTSTRAP_SERVERS": self.address, **credentials(name)}
        return super()._spawn(name, *arguments, **extra, **guarded)
