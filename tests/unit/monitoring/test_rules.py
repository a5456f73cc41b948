"""Rules of Prometheus: of metrics that exist, each with its runbook section and its three tests, and these pass."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
import yaml

from connectors.metrics import PrometheusMetrics
from infra.generated import ROOT, stale
from infra.monitoring import generate, names, runbook
from infra.monitoring.model import Group, Recording
from infra.monitoring.rules import GROUPS
from streams.metrics import METRICS

RULES, TESTS = ROOT / generate.RULES, ROOT / generate.RULE_TESTS
WALKS = sorted((RULES.parent / "walks").glob("*.md"))
FILES = [group.name for group in GROUPS]


def _rules(name: str) -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((RULES / f"{name}.yaml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_committed_is_what_the_code_says() -> None:
    """Whoever changes a rule runs `make docs`; a file that no group makes is named too."""
    assert stale(generate.files(), folders=[generate.RULES, generate.RULE_TESTS]) == []


def test_every_metric_in_a_rule_exists() -> None:
    """An alert on a metric that nobody emits never fires, and looks as if all were well."""
    assert names.unknown(GROUPS) == {}


@pytest.mark.parametrize(
    "expression",
    [
        "sum by (stage) (rate(ringback_loop_record_total[5m])) > 0",
        'kafka_up == 0 or kafka_upp{job="x"}',
        "ringback_post_lateness_seconds > 1",  # a histogram: only its parts are samples
    ],
)
def test_a_metric_that_does_not_exist_is_found(expression: str) -> None:
    """The check above can fail."""
    assert set(names.unknown([Group("wrong", "", (Recording("wrong", expression),))])) == {"wrong"}


def test_names_in_an_expression_are_found_and_nothing_else() -> None:
    """Neither labels, nor their values, nor functions, nor words of the language."""
    expression = (
        'sum by (le) (rate(a_bucket{x="b_total",y!~"c"}[5m] offset 1h)) / on (x) group_left (z) d_total > 1e3'
        " and changes((e - f:g)[5m:1m]) == bool 0 unless absent(h)"
    )
    assert names.named(expression) == {"a_bucket", "d_total", "e", "f:g", "h"}


def test_the_samples_are_those_that_our_pages_have() -> None:
    """`…_created` and `…_bucket` are the client library's names, so they are held against its own page."""
    metrics = PrometheusMetrics()
    page = metrics.page("application/openmetrics-text")[0].decode()
    on_page = {re.split(r"[{ ]", line)[0] for line in page.splitlines() if not line.startswith("#")}
    assert on_page - set(names.samples(METRICS.values())) == set()
    assert "ringback_clock_anchored_created" in on_page  # before anything has happened: RestartLoop needs it


def test_labels_that_alerts_name_are_labels_of_their_metrics() -> None:
    """Of what a proof feeds in, every series has only labels that its metric has, and those of a scrape."""
    there = {**names.samples(names.TABLES.values())}
    for alert in (a for group in GROUPS for a in group.alerts):
        for story in (alert.proof.fires, alert.proof.quiet, alert.proof.clears):
            for series in story:
                name, _, rest = series.partition("{")
                labels = set(re.findall(r"(\w+)=\"", rest)) - {"instance", "job", "le"}
                if name != "up":
                    assert labels <= set(there[name].labels), (alert.name, series)


@pytest.mark.parametrize("name", FILES)
def test_every_alert_has_its_section_and_three_tests(name: str) -> None:
    """Who is woken finds what to do under the alert's own link; each alert is seen to fire, not to, and to clear."""
    sections = re.split(r"(?m)^## ", (ROOT / runbook.PATH).read_text())[1:]
    by_anchor = {section.partition("\n")[0].lower(): section for section in sections}
    tests = [test["name"] for test in yaml.safe_load((TESTS / f"{name}.yaml").read_text())["tests"]]
    for alert in (rule for rule in _rules(name) if "alert" in rule):
        path, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert path == runbook.PATH
        section = by_anchor[anchor]
        assert "**Means:** " in section
        assert "**Users feel:** " in section
        assert len(re.findall(r"(?m)^\d\. `", section)) == 3
        assert alert["labels"]["severity"] in {"page", "ticket"}
        for what in ("fires", "does not fire", "clears"):
            assert tests.count(f"{alert['alert']} {what}") == 1


def test_walks_name_alerts_that_there_are_and_are_linked() -> None:
    """Somebody who follows a walk finds each alert under its name."""
    page = (ROOT / runbook.PATH).read_text()
    assert {walk.name for walk in WALKS} == set(re.findall(r"\(walks/([\w-]+\.md)\)", page))
    alerts = {alert.name for group in GROUPS for alert in group.alerts}
    for walk in WALKS:
        (line,) = [line for line in page.splitlines() if walk.name in line]
        began = set(re.findall(r"`(\w+)`", line))
        assert began
        assert began <= alerts & set(re.findall(r"\b[A-Z]\w+\b", walk.read_text())), walk.name


def test_commands_of_the_runbook_exist() -> None:
    """A `ringback` command that somebody types at night is one that there is, with flags that it has."""
    from infra.cli.main import COMMANDS, ringback

    found = re.findall(r"(?m)^\d\. `(ringback [^`|>]*)", (ROOT / runbook.PATH).read_text())
    assert len(found) > 20
    for walk in WALKS:
        found += re.findall(r"(?m)^ {4}\$ (ringback [^|>\n]*)", walk.read_text())
    for line in found:
        words = line.split()[1:]
        assert words[0] in COMMANDS, line
        command: Any = ringback.get_command(None, words[0])  # type: ignore[arg-type]
        if hasattr(command, "commands"):
            command = command.commands[words[1]]
        flags = {flag for parameter in command.params for flag in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= flags, line


def _rows(page: str) -> dict[str, str]:
    """Name -> what to do, as the page has it."""
    cells = [re.split(r"(?<!\\) \| ", line[2:-2]) for line in page.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[5].replace("\\|", "|") for row in cells}


def test_every_metric_says_what_to_do() -> None:
    """A figure that nobody can act on has no place on the page; and what it sends people to exists."""
    there = set(names.samples(names.TABLES.values())) | set(names.TABLES)
    there |= {alert.name for group in GROUPS for alert in group.alerts}
    for metric in names.TABLES.values():
        assert len(metric.what_to_do) > 10, metric.name
        named = re.findall(r"\b(?:ringback|kafka|reminders)_\w+", metric.what_to_do)
        assert set(named) - there == set(), metric.name


def test_the_page_of_metrics_has_each_of_them_once() -> None:
    """And its alerts: those who look at a figure find what is said when it is bad."""
    page = (ROOT / "streams" / "metrics.md").read_text()
    for metric in names.TABLES.values():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{metric.name}` |")]
        assert row.startswith(f"| `{metric.name}` | {metric.type} | {metric.unit} |")
    assert _rows(page) == {m.name: m.what_to_do for m in names.TABLES.values()}
    (overdue,) = [line for line in page.splitlines() if line.startswith("| `reminders_overdue_seconds` |")]
    assert "runbook.md#remindersoverdue" in overdue
    (lateness,) = [
        line for line in page.splitlines() if line.startswith("| `ringback_post_lateness_seconds`")
    ]
    assert "runbook.md#callsburnfast" in lateness  # through what is recorded


@pytest.mark.needs("promtool")
def test_prometheus_accepts_the_rules() -> None:
    """By its own tool."""
    assert "SUCCESS" in _run("promtool", "check", "rules", *(str(RULES / f"{name}.yaml") for name in FILES))


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("name", FILES)
def test_every_alert_fires_does_not_and_clears(name: str) -> None:
    """As Prometheus itself evaluates them, on series of each alert's own."""
    assert "SUCCESS" in _run("promtool", "test", "rules", str(TESTS / f"{name}.yaml"))
