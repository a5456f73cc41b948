"""What a panel says beside its figures: what its metrics mean, what to do, which alerts look at them, their bounds."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping

from infra.monitoring import names
from infra.monitoring.boards.model import Bounds, Panel
from infra.monitoring.model import Alert
from infra.monitoring.rules import GROUPS
from streams.metrics import CONTEXT, Metric

RUNBOOK_UID = "ringback-runbook"
GOOD, BAD, NEUTRAL = "green", "red", "blue"

ALERTS: Mapping[str, Alert] = {alert.name: alert for group in GROUPS for alert in group.alerts}
_BEHIND = names.behind(GROUPS)
_BOUND = re.compile(r" (?P<operator>>|==|!=) (?P<bound>[\d.]+)")


def bounds_of(alert: str) -> Bounds:
    """The colours of the figure that the alert looks at, from its own expression. Raises KeyError, ValueError."""
    found = _BOUND.search(ALERTS[alert].expression)
    if found is None:
        raise ValueError(f"{alert} compares with no number: {ALERTS[alert].expression}")
    bound = float(found["bound"])
    if found["operator"] == ">":
        return ((None, GOOD), (bound, BAD))
    if found["operator"] == "!=":  # whole numbers, as all that are compared so
        return ((None, BAD), (bound, GOOD), (bound + 1, BAD))
    return ((None, BAD), (bound + 1, GOOD)) if bound == 0 else ((None, GOOD), (bound, BAD))


def metrics_of(panel: Panel) -> tuple[str, ...]:
    """Names of the metrics that its queries ask for, by themselves or through what rules record."""
    found = (
        m for q in panel.queries for name in sorted(names.named(q.expression)) for m in _BEHIND.get(name, ())
    )
    return tuple(dict.fromkeys(found))


def alerts_of(panel: Panel) -> tuple[Alert, ...]:
    """The alerts whose sections help whoever sees a bad figure here."""
    if panel.alerts is not None:
        return tuple(ALERTS[name] for name in panel.alerts)
    metrics = set(metrics_of(panel))
    return tuple(
        alert
        for alert in ALERTS.values()
        if metrics & {m for name in names.named(alert.expression) for m in _BEHIND.get(name, ())}
    )


def description(panel: Panel) -> str:
    """Markdown: the panel's own words, and of each metric what its table says. When a metric was made
    (`…_created`) is about its process, so there the panel's words are all."""
    parts = [panel.about] if panel.about else []
    for name in metrics_of(panel):
        if not any(f"{name.removesuffix('_total')}_created" in query.expression for query in panel.queries):
            parts += _told(names.TABLES[name])
    return "\n\n".join(parts)


def _told(metric: Metric) -> list[str]:
    parts = [f"`{metric.name}`: {metric.meaning.rstrip('.')}."]
    note = metric.what_to_do.removeprefix(CONTEXT)
    if note == metric.what_to_do:
        parts.append(f"**What to do:** {note}.")
    elif note:
        parts.append(f"**Note:** {note.lstrip(':; ')}.")
    return parts


def panel_id(title: str) -> int:
    """A number that stays when panels are put before it, so that links to a panel do."""
    return zlib.crc32(title.encode()) % 1_000_000 + 1


def section(alert: Alert) -> str:
    """Where Grafana shows the alert's section of the runbook: a panel of its own, alone."""
    return f"/d/{RUNBOOK_UID}?viewPanel={panel_id(alert.name)}"
