"""Groups as Prometheus' rule files, and as the files that `promtool test rules` runs."""

from __future__ import annotations

import re
from typing import Any

from infra.monitoring.model import Alert, Group, Proof, Recording, Series

Object = dict[str, Any]
RUNBOOK = "infra/monitoring/runbook.md"
_LABEL = re.compile(r"\{\{ \$labels\.(\w+) \}\}")


def rule_file(group: Group) -> Object:
    """The file of one group (Prometheus, "Recording rules", "Alerting rules")."""
    return {"groups": [{"name": f"ringback-{group.name}", "rules": [_rule(r) for r in group.rules]}]}


def _rule(rule: Recording | Alert) -> Object:
    if isinstance(rule, Recording):
        return {"record": rule.name, "expr": rule.expression}
    return {
        "alert": rule.name,
        "expr": rule.expression,
        "for": rule.lasting,
        "labels": {"severity": rule.severity},
        "annotations": {"summary": rule.summary, "runbook": anchor(rule)},
    }


def anchor(alert: Alert) -> str:
    """Where the runbook tells of it: a path of this repository, as people copy it to where they like."""
    return f"{RUNBOOK}#{alert.name.lower()}"


def test_file(group: Group) -> Object:
    """Three tests an alert: it fires, it does not, it clears (Prometheus, "Unit testing for rules")."""
    return {
        "rule_files": [f"../rules/{group.name}.yaml"],
        "evaluation_interval": group.looks_every,
        "tests": [test for alert in group.alerts for test in _tests(alert)],
    }


def _tests(alert: Alert) -> list[Object]:
    proof = alert.proof
    fires, quiet = _expected(alert, proof), _expected(alert, None)
    return [
        _test(f"{alert.name} fires", proof.fires, [(proof.at, fires)]),
        _test(f"{alert.name} does not fire", proof.quiet, [(proof.at, quiet)]),
        _test(f"{alert.name} clears", proof.clears, [(proof.at, fires), (proof.clear_at, quiet)]),
    ]


def _test(name: str, series: Series, looks: list[tuple[str, Object]]) -> Object:
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": each, "values": values} for each, values in series.items()],
        "alert_rule_test": [{"eval_time": at, **expected} for at, expected in looks],
    }


def _expected(alert: Alert, proof: Proof | None) -> Object:
    if proof is None:
        return {"alertname": alert.name, "exp_alerts": []}
    labels = dict(proof.labels)
    return {
        "alertname": alert.name,
        "exp_alerts": [
            {
                "exp_labels": {"severity": alert.severity, **labels},
                "exp_annotations": {
                    "summary": _LABEL.sub(lambda found: labels.get(found[1], ""), alert.summary),
                    "runbook": anchor(alert),
                },
            }
        ],
    }
