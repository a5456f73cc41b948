"""Dashboards: of metrics that exist, understood by Prometheus and by Grafana's own model, readable by people."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from infra.generated import ROOT
from infra.monitoring import names
from infra.monitoring.boards import every
from infra.monitoring.boards.model import Panel, Query
from infra.monitoring.boards.queries import Asked, asked, filled_in, panels
from infra.monitoring.boards.telling import ALERTS, bounds_of, metrics_of
from infra.monitoring.rules import GROUPS

FILES = sorted((ROOT / every.FOLDER).glob("*.json"))
DRAWN = [path for path in FILES if path.stem != "runbook"]
UNITS = {"short", "none", "s", "ops", "cps", "cpm", "reqps", "percentunit"}


def _asked(path: Path) -> list[Asked]:
    return [query for panel in panels(path.read_text()) for query in asked(panel)]


def _all() -> list[Asked]:
    return [query for path in FILES for query in _asked(path)]


def _unknown(expressions: list[str]) -> set[str]:
    """Names in them that no table declares and no rule records."""
    there = set(names.behind(GROUPS)) | names.STANDARD
    return {name for expression in expressions for name in names.named(expression)} - there


def test_there_are_these_dashboards() -> None:
    """Committed by these names: what is provisioned, linked and bookmarked."""
    found = {path.stem: json.loads(path.read_text()) for path in FILES}
    assert set(found) == {"pipeline", "groups", "carrier", "tenants", "runbook"}
    for name, document in found.items():
        assert document["uid"] == f"ringback-{name}"
        assert "ringback" in document["tags"]  # by which they link each other
    for path in DRAWN:
        assert found[path.stem]["refresh"] == "10s"


def test_every_metric_in_a_panel_exists() -> None:
    """A panel of a metric that nobody emits is empty for ever, and looks as if nothing happened."""
    assert _unknown([query.expression for query in _all()]) == set()


@pytest.mark.parametrize(
    "expression",
    [
        "sum(rate(ringback_loop_record_total[$__rate_interval]))",
        'max(kafka_consumergroup_lag_second{consumergroup=~"$group"})',
        "ringback:calls_late:ratio_rate7m",
    ],
)
def test_a_metric_that_does_not_exist_is_found(expression: str) -> None:
    """The check above can fail."""
    assert len(_unknown([expression])) == 1


def test_labels_in_panels_are_labels_of_their_metrics() -> None:
    """A selector with a label that its metric has not chooses nothing, or everything."""
    of_sample = names.samples(names.TABLES.values())
    looked_at = 0
    for query in _all():
        for name, chosen in re.findall(r"([a-z_]\w*)\{([^}]*)\}", query.expression):
            if name in of_sample:
                labels = set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", chosen)) - {"instance", "job", "le"}
                assert labels <= set(of_sample[name].labels), (query.panel, name)
                looked_at += 1
    assert looked_at > 20


def test_choices_ask_for_series_and_labels_that_exist() -> None:
    """An empty list at the top of a dashboard would hide everything below it."""
    for path in DRAWN:
        for variable in json.loads(path.read_text())["templating"]["list"]:
            if variable["type"] != "query":
                continue
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert found is not None
            (name,) = names.named(found[1])
            assert found[2] in names.TABLES[name].labels


def test_variables_in_queries_are_those_of_their_dashboard() -> None:
    """`$grp` would be sent to Prometheus as it stands, and choose nothing."""
    for path in DRAWN:
        there = {v["name"] for v in json.loads(path.read_text())["templating"]["list"]}
        used = {n for q in _asked(path) for n in re.findall(r"\$(\w+)", q.expression)}
        assert used - {"__rate_interval", "__range"} <= there - {"datasource"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_ids_and_places_are_unique(path: Path) -> None:
    """Two panels of one id, or in one place: Grafana shows one of them."""
    found = json.loads(path.read_text())["panels"]
    ids = [panel["id"] for panel in found]
    assert len(ids) == len(set(ids))
    assert len(ids) > 1
    cells = [
        (x, y)
        for p in (panel["gridPos"] for panel in found)
        for x in range(p["x"], p["x"] + p["w"])
        for y in range(p["y"], p["y"] + p["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: str(path.stem))
def test_every_panel_says_what_it_shows(path: Path) -> None:
    """In words, with a unit, from the data source that was chosen."""
    for panel in panels(path.read_text()):
        title = panel["title"]
        assert " " in title or title in {"Brokers", "Partitions", "Groups", "Breakers"}, title
        assert len(panel["description"]) > 10, title
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, title
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert list(asked(panel)), title
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"], title
            assert target["instant"] is not target["range"], title


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_links_lead_to_what_there_is(path: Path) -> None:
    """To the section of the runbook that bears the alert's name."""
    sections = {p["id"]: p["title"] for p in panels((ROOT / every.FOLDER / "runbook.json").read_text())}
    assert set(sections.values()) == set(ALERTS)
    for panel in panels(path.read_text()):
        for link in panel.get("links") or ():
            found = re.fullmatch(r"/d/ringback-runbook\?viewPanel=(\d+)", link["url"])
            assert found is not None
            assert link["title"] == f"Runbook: {sections[int(found[1])]}"


def test_every_alert_is_linked_from_a_panel() -> None:
    """Whoever looks at the figure finds what to do about it, and whoever is woken finds the figure."""
    linked = {
        link["title"].removeprefix("Runbook: ")
        for path in DRAWN
        for panel in panels(path.read_text())
        for link in panel["links"]
    }
    assert set(ALERTS) - linked == set()


def test_bounds_are_those_of_the_alerts() -> None:
    """A line in a panel at another height than the alert's would tell people that all is well while they are woken."""
    assert bounds_of("GroupBehind") == ((None, "green"), (60.0, "red"))
    assert bounds_of("BreakerOpen") == ((None, "green"), (2.0, "red"))
    assert bounds_of("GroupWithoutMembers") == ((None, "red"), (1.0, "green"))
    assert bounds_of("RemindersUnaccounted") == ((None, "red"), (0.0, "green"), (1.0, "red"))
    with pytest.raises(ValueError, match="compares with no number"):
        bounds_of("LagExporterAway")


def test_a_panel_knows_the_metrics_behind_what_rules_record() -> None:
    """Its description says what they mean, not what the rule is called."""
    panel = Panel("x", "lines", (Query("1 - ringback:calls_late:ratio_rate1d"),))
    assert metrics_of(panel) == ("ringback_post_lateness_seconds",)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_grafanas_own_model_knows_every_field(path: Path) -> None:
    """Read into the model of Grafana's kit and written again nothing is lost: no field is misspelt."""
    register_default_plugins()
    known_to_prometheus_alone = {f".annotations.list.{name}" for name in ("titleFormat", "tagKeys", "step")}
    assert set(_lost(json.loads(path.read_text()))) <= known_to_prometheus_alone


def test_grafanas_model_would_lose_a_misspelt_field() -> None:
    """The check above can fail."""
    register_default_plugins()
    document: dict[str, Any] = json.loads(DRAWN[0].read_text())
    document["panels"][1]["options"]["colourMode"] = "background"
    assert ".panels.options.colourMode" in set(_lost(document))


def _lost(document: dict[str, Any]) -> Iterator[str]:
    """Paths of what is not there again, or differs. Defaults that the model adds are not looked at."""
    yield from _missing(document, json.loads(json.dumps(Dashboard.from_json(document), cls=JSONEncoder)), "")


def _missing(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from _missing(value, after.get(name), f"{path}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from _missing(one, other, path)
    elif before != after:
        yield path


@pytest.mark.needs("promtool")
def test_prometheus_parses_every_query(tmp_path: Path) -> None:
    """By its own tool, which knows expressions as those of rules."""
    rules = [
        {"record": f"panel:query{number}", "expr": filled_in(query.expression, 15, 300)}
        for number, query in enumerate(_all())
    ]
    assert len(rules) > 50
    assert _checked(tmp_path, rules) == ""
    assert "parse error" in _checked(tmp_path, [*rules, {"record": "panel:wrong", "expr": "sum by (x (y)"}])


def _checked(folder: Path, rules: list[dict[str, str]]) -> str:
    """Nothing, or what promtool says."""
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
