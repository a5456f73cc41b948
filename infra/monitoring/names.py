"""Which metrics an expression names, and which there are: what holds rules, panels and tables together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from infra.monitoring.model import Group, Recording
from streams.lag_metrics import LAG_METRICS
from streams.metrics import METRICS, Metric
from streams.views.metrics import VIEWS_METRICS

TABLES: Mapping[str, Metric] = {**METRICS, **LAG_METRICS, **VIEWS_METRICS}
STANDARD = frozenset({"up", "ALERTS"})  # Prometheus' own, of each scrape and of each rule

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_INSIDE = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
# A name that no bracket follows is a metric: functions have one.
_NAME = re.compile(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])")
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "inf", "nan"})
_AGGREGATED = frozenset({"sum", "max", "min", "avg", "count"})  # `sum by (x) (…)`: the bracket is further on


def named(expression: str) -> set[str]:
    """Names of the metrics in a PromQL expression, as samples are called (`…_bucket`, `…_created`)."""
    bare = _INSIDE.sub(" ", _QUOTED.sub('""', expression))
    return {n for n in _NAME.findall(bare) if n.lower() not in _WORDS | _AGGREGATED}


def samples(metrics: Iterable[Metric]) -> dict[str, Metric]:
    """Name of each sample that prometheus-client writes -> its metric."""
    found: dict[str, Metric] = {}
    for metric in metrics:
        if metric.type == "histogram":
            found |= {f"{metric.name}_{end}": metric for end in ("bucket", "count", "sum", "created")}
        else:
            found[metric.name] = metric
        if metric.type == "counter":
            found[f"{metric.name.removesuffix('_total')}_created"] = metric
    return found


def behind(groups: Iterable[Group]) -> dict[str, tuple[str, ...]]:
    """Name of each sample, and of each figure that rules record -> the metrics behind it."""
    found: dict[str, tuple[str, ...]] = {
        sample: (metric.name,) for sample, metric in samples(TABLES.values()).items()
    }
    for rule in (rule for group in groups for rule in group.rules):
        if isinstance(rule, Recording):
            parts = (m for name in sorted(named(rule.expression)) for m in found.get(name, ()))
            found[rule.name] = tuple(dict.fromkeys(parts))
    return found


def unknown(groups: Iterable[Group]) -> dict[str, set[str]]:
    """Rule -> names in it that nothing declares or records before."""
    there = set(samples(TABLES.values())) | STANDARD
    wrong: dict[str, set[str]] = {}
    for rule in (rule for group in groups for rule in group.rules):
        if missing := named(rule.expression) - there:
            wrong[rule.name] = missing
        if isinstance(rule, Recording):
            there.add(rule.name)
    return wrong
