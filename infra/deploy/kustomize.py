"""The kustomizations: a base that runs anywhere, a component for each operator that a cluster may have, an example."""

from __future__ import annotations

from connectors.gateway.doorkeeper import WEBHOOKS
from infra.deploy import keda, sizes, strimzi, workloads
from infra.deploy.settings import PUBLIC
from infra.deploy.workloads import Object
from streams.topology import GATEWAY

KUSTOMIZATION = "kustomization.yaml"
NAMESPACE = "kafka"  # of the Kafka cluster: Secrets of its users are there


def files() -> dict[str, list[Object]]:
    """Path below `kubernetes/` -> documents."""
    base = workloads.files()
    return {
        f"base/{KUSTOMIZATION}": [_base(list(base))],
        **{f"base/{name}": objects for name, objects in base.items()},
        f"components/strimzi/{KUSTOMIZATION}": [
            _component(["topics.yaml", "users.yaml"], ["credentials.yaml"])
        ],
        "components/strimzi/topics.yaml": strimzi.topic_objects(),
        "components/strimzi/users.yaml": strimzi.user_objects(),
        "components/strimzi/credentials.yaml": strimzi.patches(),
        f"components/keda/{KUSTOMIZATION}": [_component(["scaling.yaml"], ["replicas.yaml"])],
        "components/keda/scaling.yaml": keda.objects(),
        "components/keda/replicas.yaml": keda.patches(),
        f"overlays/example/{KUSTOMIZATION}": [_example()],
        "overlays/example/ingress.yaml": [_ingress()],
    }


def _base(resources: list[str]) -> Object:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
        # A hash of the content is in its name: changed settings are a rolling upgrade, not a surprise at some restart.
        "configMapGenerator": [_config_map(PUBLIC)],
    }


def _config_map(settings: dict[str, str]) -> Object:
    return {"name": workloads.CONFIG, "literals": [f"{name}={value}" for name, value in settings.items()]}


def _component(resources: list[str], patches: list[str]) -> Object:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "resources": resources,
        "patches": [{"path": path} for path in patches],
    }


def _example() -> Object:
    mine = {"PUBLIC_URL": "https://sms.example.com", "RINGBACK_STANDBY": "on"}
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": ["../../base", "ingress.yaml"],
        "components": ["../../components/strimzi", "../../components/keda"],
        "images": [{"name": sizes.IMAGE.partition(":")[0], "newName": "ringback", "newTag": "0.1.0"}],
        "replicas": [{"name": workloads.name_of("reminders"), "count": 4}],
        "configMapGenerator": [{**_config_map(mine), "behavior": "merge"}],
    }


def _ingress() -> Object:
    """Only what the carrier calls: probes and metrics are nobody's business outside."""
    backend = {"service": {"name": workloads.name_of(GATEWAY.name), "port": {"name": "http"}}}
    paths = [{"path": path, "pathType": "Exact", "backend": backend} for path in WEBHOOKS]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "ringback"},
        "spec": {
            "tls": [{"hosts": ["sms.example.com"], "secretName": "ringback-tls"}],
            "rules": [{"host": "sms.example.com", "http": {"paths": paths}}],
        },
    }
