"""The page of metrics: all tables, and beside each metric the alerts that look at it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from infra.monitoring import names
from infra.monitoring.model import Group
from streams.lag_metrics import KNOWN, OURS, SELF
from streams.metrics import METRICS, Metric
from streams.views.metrics import VIEWS

PATH = "streams/metrics.md"
HEAD = """\
<!-- Made by `python -m infra.monitoring.generate` from the tables of metrics in streams/: change those. -->
# Metrics

Names are Prometheus': counters end in `_total`, units are in the names. A histogram has `_bucket`, `_count` and
`_sum`. Labels have few values: no phone number, text or id is ever one. *What to do* is for when the figure is bad;
where an alert looks at it, the alert's section of the [runbook](../infra/monitoring/runbook.md) has the first commands.
"""


def page(groups: Sequence[Group]) -> str:
    alerts = _alerts(groups)
    pipeline = "`/metrics` of the gateway, of each `ringback run` and of `ringback backfill --every`"
    return "\n".join(
        [
            HEAD,
            _table("The pipeline", pipeline, METRICS.values(), alerts),
            _table("Read models", "`ringback run views`", VIEWS, alerts),
            _table("Lag: as the known exporter has it", "`ringback lag --serve`", KNOWN, alerts),
            _table("Lag: what that one lacks", "`ringback lag --serve`", OURS, alerts),
            _table("The lag exporter itself", "`ringback lag --serve`", SELF, alerts),
        ]
    )


def _table(title: str, where: str, metrics: Iterable[Metric], alerts: dict[str, list[str]]) -> str:
    rows = [
        f"## {title}",
        "",
        f"On {where}.",
        "",
        "| name | type | unit | labels | meaning | what to do | alerts |",
    ]
    rows.append("|---|---|---|---|---|---|---|")
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        links = ", ".join(
            f"[{a}](../infra/monitoring/runbook.md#{a.lower()})" for a in alerts.get(metric.name, [])
        )
        words = " | ".join(text.replace("|", "\\|") for text in (metric.meaning, metric.what_to_do))
        rows.append(f"| `{metric.name}` | {metric.type} | {metric.unit} | {labels} | {words} | {links} |")
    return "\n".join([*rows, ""])


def _alerts(groups: Sequence[Group]) -> dict[str, list[str]]:
    """Metric -> alerts that look at it, by themselves or through what is recorded."""
    behind = names.behind(groups)
    found: dict[str, list[str]] = {}
    for alert in (alert for group in groups for alert in group.alerts):
        for metric in {m for name in names.named(alert.expression) for m in behind.get(name, ())}:
            found.setdefault(metric, []).append(alert.name)
    return found
