"""Kubernetes objects of the services: StatefulSets of stages, Deployments of the gateway, and what belongs to them.

StatefulSets, because a member has a name that outlives its pod (static membership) and a disk that goes with it.
"""

from __future__ import annotations

from typing import Any

from infra.deploy import sizes
from infra.deploy.settings import secrets_of
from streams.access import LAG
from streams.topology import BACKFILL, GATEWAY, STAGES, VIEWS, Stage

Object = dict[str, Any]

CONFIG = "ringback"


def name_of(service: str) -> str:
    return f"ringback-{service}"


def _labels(service: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": "ringback", "app.kubernetes.io/component": service}


def _meta(service: str) -> Object:
    return {"name": name_of(service), "labels": _labels(service)}


def stage_objects(stage: Stage) -> list[Object]:
    """Service, StatefulSet and disruption budget of one stage."""
    return [_headless(stage.name), _stateful_set(stage.name, stage.stateful), budget(stage.name)]


def views_objects() -> list[Object]:
    """Two that hold the same, and a Service before them: either answers anything. They share one token."""
    name = VIEWS.name
    workload = _stateful_set(name, stateful=True)
    spec = workload["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    container["env"].append({"name": "RINGBACK_VIEWS_HOST", "value": "0.0.0.0"})
    container["ports"].append({"name": "views", "containerPort": sizes.VIEWS_PORT})
    (claim,) = spec["volumeClaimTemplates"]
    claim["spec"]["resources"]["requests"]["storage"] = sizes.VIEWS_DISK
    answers = _service(name, 80, target="views")
    answers["metadata"]["name"] = f"{name_of(name)}-answers"
    return [_headless(name), answers, workload, budget(name)]


def gateway_objects() -> list[Object]:
    name = GATEWAY.name
    arguments = ["gateway", "--host", "0.0.0.0", "--port", str(sizes.GATEWAY_PORT)]
    container = _container(name, arguments, sizes.GATEWAY_PORT, ready_timeout_s=5)
    container["lifecycle"] = {"preStop": {"exec": {"command": ["sleep", str(sizes.DRAIN_S)]}}}
    template = _template(name, container, sizes.GATEWAY_GRACE_S, sizes.GATEWAY_PORT)
    return [_service(name, 80), _deployment(name, sizes.REPLICAS, template), budget(name)]


def backfill_objects() -> list[Object]:
    """One: it misses nothing while it is away, because each round looks back further than that."""
    name = BACKFILL.name
    container = _container(name, [name, "--follow", "--http-port", str(sizes.HTTP_PORT)], sizes.HTTP_PORT)
    return [_deployment(name, 1, _template(name, container, sizes.STAGE_GRACE_S, sizes.HTTP_PORT))]


def lag_objects() -> list[Object]:
    """One: two would be the same figures twice."""
    container = _container(LAG, [LAG, "--serve", "--port", str(sizes.LAG_PORT)], sizes.LAG_PORT)
    container["readinessProbe"] = container[
        "livenessProbe"
    ]  # it serves what it has, and says how old that is
    template = _template(LAG, container, sizes.LAG_GRACE_S, sizes.LAG_PORT)
    return [_service(LAG, sizes.LAG_PORT), _deployment(LAG, 1, template)]


def _service(service: str, port: int, target: str = "http") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(service),
        "spec": {
            "selector": _labels(service),
            "ports": [{"name": "http", "port": port, "targetPort": target}],
        },
    }


def _deployment(service: str, replicas: int, template: Object) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(service),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": _labels(service)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": template,
        },
    }


def budget(service: str) -> Object:
    """One at a time: of two members one stays, and of more the rebalances do not pile up."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _meta(service),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": _labels(service)}},
    }


def _headless(name: str) -> Object:
    """Gives each pod its name, and Prometheus its target, ready or not."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(name),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": _labels(name),
            "ports": [{"name": "http", "port": sizes.HTTP_PORT, "targetPort": "http"}],
        },
    }


def _stateful_set(name: str, stateful: bool) -> Object:
    container = _container(name, ["run", name, "--http-port", str(sizes.HTTP_PORT)], sizes.HTTP_PORT)
    member = {"name": "RINGBACK_MEMBER", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    container["env"] = [member]
    container["volumeMounts"] = [{"name": "state", "mountPath": "/state"}]
    template = _template(name, container, sizes.STAGE_GRACE_S, sizes.HTTP_PORT)
    spec: Object = {
        "serviceName": name_of(name),
        "replicas": sizes.REPLICAS,
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "minReadySeconds": sizes.SETTLE_S,
        "selector": {"matchLabels": _labels(name)},
        "template": template,
    }
    if stateful:
        # A copy of the changelog, which saves a restore: a pod that goes for good takes it along.
        spec["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": "Delete", "whenScaled": "Delete"}
        spec["volumeClaimTemplates"] = [
            {
                "metadata": {"name": "state"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "2Gi"}},
                },
            }
        ]
    else:
        template["spec"]["volumes"] = [{"name": "state", "emptyDir": {"sizeLimit": "64Mi"}}]
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": _meta(name), "spec": spec}


def _template(service: str, container: Object, grace_s: int, port: int) -> Object:
    return {
        "metadata": {
            "labels": _labels(service),
            "annotations": {
                "prometheus.io/scrape": "true",
                "prometheus.io/port": str(port),
                "prometheus.io/path": "/metrics",
            },
        },
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,  # their variables would look like settings
            "terminationGracePeriodSeconds": grace_s,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": sizes.USER,
                "runAsGroup": sizes.USER,
                "fsGroup": sizes.USER,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "kubernetes.io/hostname",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": _labels(service)},
                }
            ],
            "containers": [container],
        },
    }


def _container(service: str, arguments: list[str], port: int, ready_timeout_s: int = 2) -> Object:
    sources: list[Object] = [{"configMapRef": {"name": CONFIG}}]
    sources += [{"secretRef": {"name": secret}} for secret in secrets_of(service)]
    live = {"httpGet": {"path": "/healthz", "port": "http"}, "timeoutSeconds": 3}
    return {
        "name": service,
        "image": sizes.IMAGE,
        "args": arguments,
        "envFrom": sources,
        "ports": [{"name": "http", "containerPort": port}],
        "startupProbe": {**live, "periodSeconds": 2, "failureThreshold": sizes.START_S // 2},
        "livenessProbe": {**live, "periodSeconds": 10, "failureThreshold": 3},
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": "http"},
            "periodSeconds": 2,
            "timeoutSeconds": ready_timeout_s,
            "failureThreshold": 2,
        },
        # No limit of CPU: a member that is throttled is late. The stores are mapped files, which count as cache.
        "resources": {
            "requests": {"cpu": "250m", "memory": "256Mi"},
            "limits": {"memory": "1Gi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def files() -> dict[str, list[Object]]:
    """File name in the base -> its objects."""
    found = {f"{stage.name}.yaml": stage_objects(stage) for stage in STAGES.values()}
    return {
        f"{GATEWAY.name}.yaml": gateway_objects(),
        **found,
        f"{VIEWS.name}.yaml": views_objects(),
        f"{BACKFILL.name}.yaml": backfill_objects(),
        f"{LAG}.yaml": lag_objects(),
    }
