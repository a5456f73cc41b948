"""The committed manifests, read as a cluster would read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from connectors.kafka.topics import wanted_config
from connectors.settings import SETTINGS
from infra.cli.main import COMMANDS, ringback
from infra.deploy import generate, sizes
from infra.deploy.settings import CARRIER_SECRET, PUBLIC, REDIS_SECRET, SECRETS, VIEWS_SECRET
from infra.generated import ROOT, stale, write
from infra.monitoring.boards import every
from infra.run.processors import NEEDS_CARRIER
from infra.run.stopping import HANDS_S, JOIN_S, gateway_stop_s, stages_stop_s
from streams.access import LAG
from streams.topology import BACKFILL, DOORS, GATEWAY, STAGES, VIEWS, topics

KUBERNETES = ROOT / "infra" / "deploy" / "kubernetes"
COMPOSE_FOLDER = ROOT / "infra" / "deploy" / "compose"
COMPOSE = yaml.safe_load((COMPOSE_FOLDER / "compose.yaml").read_text())
PROMETHEUS = yaml.safe_load((ROOT / "infra" / "deploy" / "compose" / "prometheus.yaml").read_text())
DOCKERFILE = (ROOT / "infra" / "deploy" / "Dockerfile").read_text()
Object = dict[str, Any]


def _objects(folder: str, kind: str = "") -> Iterator[Object]:
    for path in sorted((KUBERNETES / folder).glob("*.yaml")):
        for found in yaml.safe_load_all(path.read_text()):
            if found["kind"] == kind or not kind:
                yield found


def _workloads() -> list[Object]:
    return [*_objects("base", "StatefulSet"), *_objects("base", "Deployment")]


def _container(workload: Object) -> Object:
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


WORKLOADS = {_container(w)["name"]: w for w in _workloads()}


def test_what_is_committed_is_what_the_code_says() -> None:
    """A deadline, topic or stage that changes in the code changes the manifests with it, or CI fails."""
    folders = [generate.KUBERNETES, f"{generate.FOLDER}/compose"]
    assert stale(generate.files(), folders=folders) == []


def test_a_stale_missing_or_left_over_file_is_named(tmp_path: Path) -> None:
    """`--check` fails for each of the three ways to be wrong, and writing mends all of them."""
    files = {"made/a.yaml": "a\n", "made/b.yaml": "b\n"}
    write(files, tmp_path, ["made"])
    assert stale(files, tmp_path, ["made"]) == []
    (tmp_path / "made" / "a.yaml").write_text("edited\n")
    (tmp_path / "made" / "b.yaml").unlink()
    (tmp_path / "made" / "old.yaml").write_text("of a stage that is gone\n")
    wrong = ["made/a.yaml", "made/b.yaml", "made/old.yaml"]
    assert stale(files, tmp_path, ["made"]) == wrong
    assert write(files, tmp_path, ["made"]) == wrong
    assert stale(files, tmp_path, ["made"]) == []


def test_every_stage_and_the_gateway_are_deployed() -> None:
    """A stage that is in the map and not in a manifest would silently not run."""
    wanted = {*DOORS, *STAGES, VIEWS.name}
    assert set(WORKLOADS) == wanted | {LAG}
    assert wanted <= set(COMPOSE["services"])
    scraped = {job["dns_sd_configs"][0]["names"][0] for job in PROMETHEUS["scrape_configs"]}
    assert scraped == set(WORKLOADS)
    budgets = [b["spec"]["selector"]["matchLabels"] for b in _objects("base", "PodDisruptionBudget")]
    assert sorted(b["app.kubernetes.io/component"] for b in budgets) == sorted(
        {GATEWAY.name, *STAGES, VIEWS.name}
    )


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_a_pod_is_killed_only_after_its_own_deadline(name: str) -> None:
    """SIGKILL before the drain is over would leave calls UNKNOWN; the wait for the load balancer comes on top."""
    spec = WORKLOADS[name]["spec"]["template"]["spec"]
    grace_s = spec["terminationGracePeriodSeconds"]
    if name == GATEWAY.name:
        before = int(_container(WORKLOADS[name])["lifecycle"]["preStop"]["exec"]["command"][-1])
        assert grace_s >= before + gateway_stop_s() > before + 30
    elif name != LAG:
        assert grace_s >= stages_stop_s() > JOIN_S + HANDS_S
    assert COMPOSE["services"][name]["stop_grace_period"] == f"{grace_s}s"


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_a_pod_has_no_rights_that_it_does_not_need(name: str) -> None:
    """No root, nothing to write but its state, no token of the cluster, no capability."""
    spec = WORKLOADS[name]["spec"]["template"]["spec"]
    container = _container(WORKLOADS[name])
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == sizes.USER
    assert spec["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
    assert mounts == (["/state"] if name in (*STAGES, VIEWS.name) else [])
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["user"] == f"{sizes.USER}:{sizes.USER}"


@pytest.mark.parametrize("name", sorted([*STAGES, VIEWS.name]))
def test_a_member_keeps_its_name_and_its_state_over_restarts(name: str) -> None:
    """Static membership: the pod's name is the member's, and a stage with state has a disk that goes with that name."""
    workload = WORKLOADS[name]
    assert workload["kind"] == "StatefulSet"
    (member,) = [e for e in _container(workload)["env"] if e["name"] == "RINGBACK_MEMBER"]
    assert member["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    claims = [c["metadata"]["name"] for c in workload["spec"].get("volumeClaimTemplates", [])]
    assert claims == (["state"] if name == VIEWS.name or STAGES[name].stateful else [])


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_only_who_calls_the_carrier_has_its_secrets(name: str) -> None:
    """A stage that is taken over by an intruder cannot place calls unless placing calls is its work."""
    sources = _container(WORKLOADS[name])["envFrom"]
    secrets = {s["secretRef"]["name"] for s in sources if "secretRef" in s}
    both = name in (*NEEDS_CARRIER, GATEWAY.name)
    only = {BACKFILL.name: {CARRIER_SECRET}, VIEWS.name: {VIEWS_SECRET}}
    assert secrets == ({CARRIER_SECRET, REDIS_SECRET} if both else only.get(name, set()))
    environment = COMPOSE["services"][name]["environment"]
    assert ("TWILIO_AUTH_TOKEN" in environment) == (both or name == BACKFILL.name)
    assert ("REDIS_URL" in environment) == both


def test_every_variable_is_a_setting() -> None:
    """A misspelt one would be ignored in silence."""
    known = {s.env for s in SETTINGS}
    assert set(PUBLIC) | {name for names in SECRETS.values() for name in names} <= known
    ours = {"topics", "tenants", "operator", *WORKLOADS}
    for name in ours:
        assert set(COMPOSE["services"][name]["environment"]) <= known, name


@pytest.mark.parametrize("name", sorted({"topics", "tenants", "carrier", "operator", *WORKLOADS}))
def test_every_command_is_one_of_ours(name: str) -> None:
    """The arguments are parsed by the command line itself; `--help` at the end keeps it from running."""
    arguments = COMPOSE["services"][name]["command"]
    assert arguments[0] in COMMANDS
    if name in WORKLOADS:
        assert _container(WORKLOADS[name])["args"] == arguments
    parsed = CliRunner().invoke(ringback, [*arguments, "--help"])
    assert parsed.exit_code == 0, parsed.output


def test_probes_ask_what_the_process_serves() -> None:
    """Live and ready are different questions, and a slow start is not a hang."""
    for name, workload in WORKLOADS.items():
        container = _container(workload)
        port = container["ports"][0]["containerPort"]
        assert str(port) in container["args"], name
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == ("/healthz" if name == LAG else "/readyz")
        start = container["startupProbe"]
        assert (
            start["periodSeconds"] * start["failureThreshold"] >= 60 + 30
        )  # the tenants table may take 60 s


def test_topics_are_those_of_the_map() -> None:
    """What Strimzi makes is what `ringback topics apply` would, with three replicas."""
    made = {t["spec"]["topicName"]: t for t in _objects("components/strimzi", "KafkaTopic")}
    assert list(made) == [topic.name for topic in topics()]
    for topic in topics():
        spec = made[topic.name]["spec"]
        assert {n: str(v) for n, v in spec["config"].items()} == wanted_config(topic, spec["replicas"])
        assert spec["partitions"] == sizes.PARTITIONS
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", made[topic.name]["metadata"]["name"])


def test_pods_connect_as_users_that_exist() -> None:
    """The password's Secret has the user's name, as the user operator makes it."""
    users = {u["metadata"]["name"] for u in _objects("components/strimzi", "KafkaUser")}
    for patch in yaml.safe_load_all((KUBERNETES / "components/strimzi/credentials.yaml").read_text()):
        (container,) = patch["spec"]["template"]["spec"]["containers"]
        env = {e["name"]: e for e in container["env"]}
        assert container["name"] in WORKLOADS
        assert env["KAFKA_SASL_USERNAME"]["value"] in users
        secret = env["KAFKA_SASL_PASSWORD"]["valueFrom"]["secretKeyRef"]["name"]
        assert secret == env["KAFKA_SASL_USERNAME"]["value"]


def test_scaling_stays_within_partitions_and_the_carriers_cap() -> None:
    """A member that has no partition, or nothing that it may call, costs two rebalances and helps nobody."""
    scaled = {o["metadata"]["name"]: o["spec"] for o in _objects("components/keda", "ScaledObject")}
    assert set(scaled) == {"ringback-inbound", "ringback-calls"}
    for spec in scaled.values():
        assert spec["scaleTargetRef"]["name"] in {w["metadata"]["name"] for w in _workloads()}
        assert 2 <= spec["minReplicaCount"] <= spec["maxReplicaCount"] <= sizes.PARTITIONS
    most = scaled["ringback-calls"]["maxReplicaCount"]
    assert (most - 1) * sizes.CALLS_PER_SECOND_OF_MEMBER < sizes.CARRIER_CALLS_PER_SECOND
    assert sizes.most_members_of_calls(1) == 2  # one to take over from the other
    assert sizes.most_members_of_calls(1_000_000) == sizes.PARTITIONS


def test_the_readme_names_the_numbers_in_force() -> None:
    """Who reads 35 s there and finds 40 in the manifest trusts neither."""
    text = " ".join((ROOT / "infra" / "deploy" / "README.md").read_text().split())
    graces = f"`terminationGracePeriodSeconds` {sizes.STAGE_GRACE_S} (gateway {sizes.GATEWAY_GRACE_S})"
    cap = f"`ceil(cap / {sizes.CALLS_PER_SECOND_OF_MEMBER})`, at most {sizes.PARTITIONS}"
    for said in (graces, cap, f"startup, {sizes.START_S} s", f"`minReadySeconds` {sizes.SETTLE_S}"):
        assert said in text, said


def test_the_image_is_what_the_manifests_say() -> None:
    """User, state folder, entry point and ports agree, and nothing is fetched without a hash or a version."""
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert f"\nUSER {sizes.USER}:{sizes.USER}\n" in last
    assert 'ENTRYPOINT ["ringback"]' in last
    assert "STOPSIGNAL SIGTERM" in last
    for port in (sizes.GATEWAY_PORT, sizes.HTTP_PORT, sizes.LAG_PORT):
        assert re.search(rf"^EXPOSE .*\b{port}\b", last, re.MULTILINE)
    assert re.search(r"^ARG BASE=\S+:\d+\.\d+\.\d+-\S+$", DOCKERFILE, re.MULTILINE)
    assert set(re.findall(r"pip install (\S+)", DOCKERFILE)) <= {"--require-hashes", "--no-deps"}
    images = [s["image"] for s in COMPOSE["services"].values()]
    assert all(re.search(r":v?\d+\.\d+\.\d+", image) for image in images), images


def test_folders_that_containers_mount_are_there() -> None:
    """Docker makes a folder where a mounted file is missing, and the server fails later and elsewhere."""
    folder = ROOT / "infra" / "deploy" / "compose"
    mounts = [v for s in COMPOSE["services"].values() for v in s.get("volumes", []) if v.startswith(".")]
    assert len(mounts) == 6
    for mount in mounts:
        assert (folder / mount.split(":")[0]).resolve().exists(), mount


def test_grafana_finds_its_dashboards_and_prometheus() -> None:
    """The provider looks where the folder is mounted, the home is one of them, the data source is a service."""
    services = COMPOSE["services"]
    grafana = services["grafana"]
    mounts = dict(volume.split(":")[:2][::-1] for volume in grafana["volumes"])
    path = _grafana("dashboards")["providers"][0]["options"]["path"]
    assert (COMPOSE_FOLDER / mounts[path]).resolve() == ROOT / every.FOLDER
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.startswith(f"{path}/")
    assert (ROOT / every.FOLDER / home.removeprefix(f"{path}/")).is_file()
    (source,) = _grafana("datasources")["datasources"]
    service, _, port = source["url"].removeprefix("http://").partition(":")
    assert any(published.endswith(f":{port}") for published in services[service]["ports"])
    assert source["isDefault"]


def _grafana(what: str) -> Object:
    found: Object = yaml.safe_load((COMPOSE_FOLDER / "grafana" / f"{what}.yaml").read_text())
    return found
