"""The compose file: everything on one machine, for trying it out and for testing against real parts.

The brokers' and Redis' settings are those of `infra/cluster`, which the tests run with.
"""

from __future__ import annotations

from typing import Any

from infra.cluster import broker
from infra.deploy import sizes
from infra.deploy.settings import PUBLIC
from infra.monitoring.scraping import SCRAPE_S, configuration
from infra.run.processors import NEEDS_CARRIER
from infra.simulator.settings import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN
from streams.access import LAG
from streams.topology import BACKFILL, GATEWAY, STAGES, VIEWS

Object = dict[str, Any]

# Exact tags: what was not pulled here has no digest that could be known.
KAFKA = "apache/kafka:4.1.0"
VALKEY = "valkey/valkey:8.1.3"
REGISTRY = "apicurio/apicurio-registry-kafkasql:2.6.13.Final"
PROMETHEUS = "prom/prometheus:v3.5.0"
GRAFANA = "grafana/grafana:12.1.0"

DASHBOARDS = "/var/lib/grafana/dashboards"  # where Grafana finds ours
CLUSTER_ID = "cmluZ2JhY2stY29tcG9zZQ"  # "ringback-compose" in base64: sixteen bytes, as Kafka wants
CARRIER_PORT, KAFKA_ON_HOST = 8090, 19092


def document() -> Object:
    """The whole file."""
    return {
        "name": "ringback",
        "x-ringback": _HARDENED,
        "services": {**_parts(), **_ours(), **_watching()},
        "volumes": {"kafka": {}, "valkey": {}, "prometheus": {}, "grafana": {}},
    }


_HARDENED: Object = {
    "image": sizes.IMAGE,
    "build": {"context": "../../..", "dockerfile": "infra/deploy/Dockerfile"},
    "user": f"{sizes.USER}:{sizes.USER}",
    "read_only": True,
    "init": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
}

_ENVIRONMENT: Object = {
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "REDIS_URL": "redis://valkey:6379/0",
    "SCHEMA_REGISTRY_URL": "http://registry:8080/apis/ccompat/v7",
    "TWILIO_ACCOUNT_SID": f"${{TWILIO_ACCOUNT_SID:-{DEMO_ACCOUNT_SID}}}",
    "TWILIO_AUTH_TOKEN": f"${{TWILIO_AUTH_TOKEN:-{DEMO_AUTH_TOKEN}}}",
    "TWILIO_BASE_URL": f"${{TWILIO_BASE_URL:-http://carrier:{CARRIER_PORT}}}",
    "PUBLIC_URL": f"${{PUBLIC_URL:-http://gateway:{sizes.GATEWAY_PORT}}}",
    "RINGBACK_GROUP_PROTOCOL": PUBLIC["RINGBACK_GROUP_PROTOCOL"],
    "RINGBACK_STANDBY": "off",  # one member of each, mostly: nobody to stand by for
}
_COMMON = ("KAFKA_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL")
_CARRIER = ("REDIS_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_BASE_URL", "PUBLIC_URL")


def _environment(*names: str) -> Object:
    return {name: _ENVIRONMENT[name] for name in names}


def _parts() -> dict[str, Object]:
    return {
        "kafka": {
            "image": KAFKA,
            "environment": {"CLUSTER_ID": CLUSTER_ID, **_kafka_settings()},
            "volumes": ["kafka:/var/lib/kafka/data"],
            "ports": [f"127.0.0.1:{KAFKA_ON_HOST}:{KAFKA_ON_HOST}"],
            "healthcheck": _check(
                "/opt/kafka/bin/kafka-broker-api-versions.sh", "--bootstrap-server", "kafka:9092", start_s=40
            ),
            "stop_grace_period": "30s",
            "restart": "unless-stopped",
        },
        "valkey": {
            "image": VALKEY,
            # A gate that is forgotten is a call that could be made twice: every one is on disk before it counts.
            "command": ["valkey-server", "--appendonly", "yes", "--appendfsync", "always", "--save", ""],
            "volumes": ["valkey:/data"],
            "healthcheck": _check("valkey-cli", "ping"),
            "restart": "unless-stopped",
        },
        "registry": {
            "image": REGISTRY,
            "environment": {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"},
            "depends_on": {"kafka": {"condition": "service_healthy"}},
            "restart": "unless-stopped",
        },
    }


def _kafka_settings() -> dict[str, str]:
    """A single node's settings as the image takes them: KAFKA_, capitals, underscores for dots."""
    found = broker.properties(1, [broker.NodePorts(client=9092, controller=9093)])
    found |= {
        "controller.quorum.voters": "1@kafka:9093",
        "listeners": f"CLIENT://:9092,CONTROLLER://:9093,HOST://:{KAFKA_ON_HOST}",
        "advertised.listeners": f"CLIENT://kafka:9092,HOST://127.0.0.1:{KAFKA_ON_HOST}",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,HOST:PLAINTEXT",
        "log.dirs": "/var/lib/kafka/data",
    }
    return {"KAFKA_" + name.upper().replace(".", "_"): value for name, value in found.items()}


def _ours() -> dict[str, Object]:
    carrier = _service(
        [
            *("simulator", "--host", "0.0.0.0", "--port", str(CARRIER_PORT)),
            *("--sms-url", f"http://gateway:{sizes.GATEWAY_PORT}/sms"),
        ],
        {},
    )
    found: dict[str, Object] = {
        "topics": _once(["topics", "apply"], _environment("KAFKA_BOOTSTRAP_SERVERS"), "kafka"),
        "tenants": {
            **_once(["tenants", "apply", "/etc/ringback/tenants.yaml"], _environment(*_COMMON), "topics"),
            "volumes": ["../../demo/tenants.yaml:/etc/ringback/tenants.yaml:ro"],
        },
        # For people: `docker compose run --rm operator trace +14155550101`.
        "operator": {
            **_HARDENED,
            "profiles": ["operator"],
            "command": ["doctor"],
            "environment": _environment(*_COMMON, *_CARRIER),
        },
        # The simulated carrier, for who has set no TWILIO_BASE_URL.
        "carrier": carrier,
        GATEWAY.name: {
            **_service(
                [GATEWAY.name, "--host", "0.0.0.0", "--port", str(sizes.GATEWAY_PORT)],
                _environment("KAFKA_BOOTSTRAP_SERVERS", *_CARRIER),
                port=sizes.GATEWAY_PORT,
            ),
            "ports": [f"127.0.0.1:{sizes.GATEWAY_PORT}:{sizes.GATEWAY_PORT}"],
            "stop_grace_period": f"{sizes.GATEWAY_GRACE_S}s",
        },
    }
    found[BACKFILL.name] = {
        **_service(
            [BACKFILL.name, "--follow", "--http-port", str(sizes.HTTP_PORT)],
            _environment(*_COMMON, *(n for n in _CARRIER if n.startswith("TWILIO_"))),
            port=sizes.HTTP_PORT,
        ),
        "stop_grace_period": f"{sizes.STAGE_GRACE_S}s",
    }
    found[LAG] = {
        **_service([LAG, "--serve", "--port", str(sizes.LAG_PORT)], _environment("KAFKA_BOOTSTRAP_SERVERS")),
        "ports": [f"127.0.0.1:{sizes.LAG_PORT}:{sizes.LAG_PORT}"],
        "stop_grace_period": f"{sizes.LAG_GRACE_S}s",
    }
    for name in STAGES:
        more = _CARRIER if name in NEEDS_CARRIER else ()
        found[name] = {
            **_service(
                ["run", name, "--http-port", str(sizes.HTTP_PORT)],
                _environment(*_COMMON, "RINGBACK_GROUP_PROTOCOL", "RINGBACK_STANDBY", *more),
                port=sizes.HTTP_PORT,
            ),
            "stop_grace_period": f"{sizes.STAGE_GRACE_S}s",
        }
    found[VIEWS.name] = {
        **_service(
            ["run", VIEWS.name, "--http-port", str(sizes.HTTP_PORT)],
            {
                **_environment(*_COMMON),
                "RINGBACK_VIEWS_HOST": "0.0.0.0",
                # Empty: made once, in its volume; `docker compose exec views cat /state/views-token`.
                "RINGBACK_VIEWS_TOKEN": "${RINGBACK_VIEWS_TOKEN:-}",
            },
            port=sizes.HTTP_PORT,
        ),
        "ports": [f"127.0.0.1:{sizes.VIEWS_PORT}:{sizes.VIEWS_PORT}"],
        "stop_grace_period": f"{sizes.STAGE_GRACE_S}s",
    }
    return found


def _service(command: list[str], environment: Object, port: int | None = None) -> Object:
    """One of ours, kept running. Its state folder is a volume of the image, so each of several has its own."""
    service: Object = {**_HARDENED, "command": command, "environment": environment}
    if environment:
        service["depends_on"] = {
            "tenants": {"condition": "service_completed_successfully"},
            "valkey": {"condition": "service_healthy"},
            "registry": {"condition": "service_started"},
        }
    if port is not None:
        ask = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}/readyz', timeout=4)"
        service["healthcheck"] = _check("python", "-c", ask)
    return {**service, "restart": "unless-stopped"}


def _once(command: list[str], environment: Object, after: str) -> Object:
    condition = "service_healthy" if after == "kafka" else "service_completed_successfully"
    return {
        **_HARDENED,
        "command": command,
        "environment": environment,
        "depends_on": {after: {"condition": condition}, "registry": {"condition": "service_started"}},
        "restart": "on-failure:20",
    }


def _watching() -> dict[str, Object]:
    return {
        "prometheus": {
            "image": PROMETHEUS,
            "volumes": [
                "./prometheus.yaml:/etc/prometheus/prometheus.yml:ro",
                "../../monitoring/rules:/etc/prometheus/rules:ro",
                "prometheus:/prometheus",
            ],
            "ports": ["127.0.0.1:9090:9090"],
            "restart": "unless-stopped",
        },
        "grafana": {
            "image": GRAFANA,
            # Whoever reaches the loopback address may look; nobody may change, for changes come from the repository.
            "environment": {
                "GF_AUTH_ANONYMOUS_ENABLED": "true",
                "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
                "GF_AUTH_DISABLE_LOGIN_FORM": "true",
                "GF_USERS_ALLOW_SIGN_UP": "false",
                "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": f"{DASHBOARDS}/pipeline.json",
            },
            "volumes": [
                "./grafana/datasources.yaml:/etc/grafana/provisioning/datasources/ringback.yaml:ro",
                "./grafana/dashboards.yaml:/etc/grafana/provisioning/dashboards/ringback.yaml:ro",
                f"../../monitoring/dashboards:{DASHBOARDS}:ro",
                "grafana:/var/lib/grafana",
            ],
            "ports": ["127.0.0.1:3000:3000"],
            "depends_on": {"prometheus": {"condition": "service_started"}},
            "restart": "unless-stopped",
        },
    }


def _check(*command: str, start_s: int = 60) -> Object:
    return {
        "test": ["CMD", *command],
        "interval": "10s",
        "timeout": "8s",
        "retries": 6,
        "start_period": f"{start_s}s",
        "start_interval": "2s",
    }


def prometheus() -> Object:
    """Prometheus' own configuration. A service of several containers is found through its name's addresses."""
    jobs = [(GATEWAY.name, sizes.GATEWAY_PORT), (LAG, sizes.LAG_PORT)]
    jobs += [(name, sizes.HTTP_PORT) for name in (BACKFILL.name, *STAGES, VIEWS.name)]
    sources = {
        name: {"dns_sd_configs": [{"names": [name], "type": "A", "port": port, "refresh_interval": "10s"}]}
        for name, port in jobs
    }
    return configuration(sources, "/etc/prometheus/rules/*.yaml", SCRAPE_S)


def grafana_datasources() -> Object:
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "Prometheus",
                "uid": "prometheus",
                "type": "prometheus",
                "access": "proxy",
                "url": "http://prometheus:9090",
                "isDefault": True,
                "editable": False,
                # As often as it scrapes: Grafana makes $__rate_interval of it. POST, for queries are long.
                "jsonData": {"timeInterval": f"{SCRAPE_S}s", "httpMethod": "POST"},
            }
        ],
    }


def grafana_dashboards() -> Object:
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": "ringback",
                "folder": "Ringback",
                "type": "file",
                "disableDeletion": True,
                "allowUiUpdates": False,
                "options": {"path": DASHBOARDS},
            }
        ],
    }
