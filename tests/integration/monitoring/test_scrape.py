"""A real Prometheus reads everything that we serve, and evaluates everything that we tell it to."""

from __future__ import annotations

import subprocess
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

from infra.monitoring.rules import GROUPS
from streams.views.metrics import VIEWS_METRICS
from tests.integration.monitoring.run import ObservedRun

pytestmark = [pytest.mark.integration, pytest.mark.needs("prometheus"), pytest.mark.timeout(240)]

JOBS = ("gateway", "stages", "lag", "second", "backfill", "views")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
# Names that danielqsj/kafka_exporter has, and that people's dashboards want so.
NOT_OURS_TO_MEND = {"kafka_consumergroup_current_offset_sum", "kafka_consumergroup_lag_sum"}

# What a machine begins that is too busy for a scrape within its second, or for what users are promised within one or
# two (all but WebhooksBurn…). They wait minutes before they say so.
OF_BUSY_MACHINES = ("TargetAway", "LagExporterAway", "BrokerAway", "(Calls|Replies|Acknowledgements)Burn.*")


def page(url: str, accept: str) -> tuple[str, str]:
    """The page and the content type that it came with."""
    with urllib.request.urlopen(
        urllib.request.Request(url, headers={"Accept": accept}), timeout=20
    ) as answer:
        return answer.read().decode(), answer.headers["Content-Type"]


def test_every_target_is_up(observed: ObservedRun) -> None:
    """Each process is scraped, and went on being scraped whatever went wrong meanwhile. (Once a second, so with a
    second's patience, which a busy machine may overtax now and then.)"""
    targets = observed.prometheus.get("targets", state="active")["activeTargets"]
    assert {t["labels"]["job"]: t["health"] for t in targets} == {f"ringback-{n}": "up" for n in JOBS}
    since = f"[{int(observed.ended_s - observed.healthy_s[0])}s]"
    assert observed.prometheus.query(f'avg_over_time(up{{job=~"ringback-.+"}}{since}) < 0.8') == []


def test_every_rule_is_evaluated(observed: ObservedRun) -> None:
    """All groups are loaded, and no rule has met an error."""
    groups = observed.prometheus.get("rules")["groups"]
    failing = [(r["name"], r.get("lastError")) for g in groups for r in g["rules"] if r["health"] != "ok"]
    assert failing == []
    loaded = {g["name"]: len(g["rules"]) for g in groups}
    assert loaded == {f"ringback-{g.name}": len(g.rules) for g in GROUPS}


def test_an_ordinary_day_alarms_nobody(observed: ObservedRun) -> None:
    """Busy lines, refused floods and opt-outs are no alert's first sign; a partition that stands still is one."""
    from_s, until_s = observed.healthy_s
    about_us = f'ALERTS{{alertname!~"{"|".join(OF_BUSY_MACHINES)}"}}[{int(until_s - from_s)}s]'
    assert observed.prometheus.query(f"max_over_time({about_us})", until_s) == []
    [(alert, _)] = observed.prometheus.query('ALERTS{alertname="PartitionHeld"}')
    assert (alert["alertstate"], alert["stage"]) == ("pending", "reminders")


@pytest.mark.parametrize("job", JOBS)
def test_pages_are_well_formed(observed: ObservedRun, job: str) -> None:
    """What asks for OpenMetrics gets it, if only the older text, and each is read by its strict parser."""
    [url] = observed.pages[job]
    content, content_type = page(url, OPENMETRICS)
    few = len(VIEWS_METRICS) if job == "views" else 20
    if job == "lag":  # what it stands in for serves only text, and its Go client says so
        assert content_type.startswith("text/plain; version=0.0.4")
        assert len(list(text(content))) >= few
    else:
        assert content_type.startswith(OPENMETRICS)
        assert len(list(openmetrics(content))) >= few
        assert content.endswith("# EOF\n")


@pytest.mark.parametrize("job", JOBS)
def test_promtool_finds_nothing_to_say(observed: ObservedRun, job: str) -> None:
    """Its check of names, help and units is quiet but for names that are another's."""
    [url] = observed.pages[job]
    content, _ = page(url, "text/plain")
    said = subprocess.run(
        ["promtool", "check", "metrics"], input=content, capture_output=True, text=True, check=False
    )
    about = {line.split()[0] for line in said.stderr.splitlines()}
    assert about == (NOT_OURS_TO_MEND if job == "lag" else set()), said.stderr + said.stdout
