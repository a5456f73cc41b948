"""Two kinds of stories that most alerts are proved with: a gauge that is bad, a counter that runs."""

from __future__ import annotations

from collections.abc import Mapping

from infra.monitoring.model import Proof, Series

Around = Series | None
"""Other series of the story, the same in all three."""


def level(series: str, bad: float, fine: float, labels: Mapping[str, str], around: Around = None) -> Proof:
    """A gauge stands at `bad` for 15 minutes, and at `fine` from the next on."""
    rest = dict(around or {})
    return Proof(
        {series: f"{bad}+0x30", **rest},
        {series: f"{fine}+0x30", **rest},
        {series: f"{bad}+0x15 {fine}+0x15", **rest},
        "15m",
        "18m",
        labels,
    )


def pace(series: str, bad: float, fine: float, labels: Mapping[str, str], around: Around = None) -> Proof:
    """A counter grows by `bad` a minute for 30 minutes, and then by `fine`."""
    rest = dict(around or {})
    return Proof(
        {series: f"0+{bad}x30", **rest},
        {series: f"0+{fine}x30", **rest},
        {series: f"0+{bad}x30 {30 * bad}+{fine}x40", **rest},
        "30m",
        "60m",
        labels,
    )
