"""Real servers on this machine, without Docker, Java or Maven: Kafka, Valkey, a schema registry. See README.md."""

from infra.cluster.cluster import LocalCluster
from infra.cluster.directory import ClusterStatus, status, stop
from infra.cluster.environment import existing
from infra.cluster.errors import ChildFailed, ClusterError, DirectoryInUse, FetchFailed, RequirementMissing
from infra.cluster.process import ChildProcess
from infra.cluster.registry import SchemaRegistry

__all__ = [
    "ChildFailed",
    "ChildProcess",
    "ClusterError",
    "ClusterStatus",
    "DirectoryInUse",
    "FetchFailed",
    "LocalCluster",
    "RequirementMissing",
    "SchemaRegistry",
    "existing",
    "status",
    "stop",
]
