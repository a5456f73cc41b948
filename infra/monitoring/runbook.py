"""The runbook: a section for each alert, from the alerts themselves."""

from __future__ import annotations

from collections.abc import Sequence

from infra.monitoring.model import Alert, Group

PATH = "infra/monitoring/runbook.md"
ABOUT = """\
Each alert has a section: what it means, what users feel, and the first three commands with what to look for.
`page` is for waking somebody, `ticket` for today. In the commands, `CALLS`, `GATEWAY` and so on stand for a host of
that service; with compose, put `docker compose -f infra/deploy/compose/compose.yaml run --rm operator` in place of
`ringback`.
"""
HEAD = f"""\
<!-- Made by `python -m infra.monitoring.generate` from infra/monitoring/*.py: change those, not this. -->
# Runbook: what to do when an alert fires

{ABOUT}"""

WALKS = """\
**Walks: from the alert to the cause**

Each was planted on a running `ringback up --metrics` and is written down with the output that was seen.

| walk | begins with |
|---|---|
| [the carrier is slow](walks/slow-carrier.md) | `AcknowledgementsBurnFast`, and nothing else |
| [a flood of records that nobody can read](walks/poison-flood.md) | `DeadLetterFlood`, `PartitionHeld` |
| [a member that is paused](walks/paused-member.md) | `GroupWithoutMembers`, `RemindersOverdue`, `TargetAway` |
"""


def page(groups: Sequence[Group]) -> str:
    parts = [HEAD, *(_contents(group) for group in groups), WALKS]
    parts += [_section(alert) for group in groups for alert in group.alerts]
    return "\n".join(parts)


def _contents(group: Group) -> str:
    rows = [f"**{group.about}**", "", "| alert | | says |", "|---|---|---|"]
    rows += [f"| [{a.name}](#{a.name.lower()}) | {a.severity} | {_plain(a.summary)} |" for a in group.alerts]
    return "\n".join([*rows, ""])


def _plain(summary: str) -> str:
    return summary.replace("{{ $labels.", "‹").replace(" }}", "›")


def _section(alert: Alert) -> str:
    return f"## {alert.name}\n\n{told(alert)}"


def told(alert: Alert) -> str:
    """What its section says, in Markdown; Grafana shows the same."""
    rows = [f"{n}. `{command}`: {look}" for n, (command, look) in enumerate(alert.commands, 1)]
    return "\n".join(
        [
            f"{alert.severity}, after {alert.lasting} of `{alert.expression}`",
            "",
            f"**Means:** {alert.means}",
            "",
            f"**Users feel:** {alert.feels}",
            "",
            *rows,
            "",
        ]
    )
