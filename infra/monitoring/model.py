"""What a rule is: its expression, what a person does about it, and the three tests that it must pass.

An alert without a runbook section or without its tests cannot be written down: they are fields of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Series = Mapping[str, str]
"""Series as Prometheus writes them -> their values, one a minute, in promtool's notation (`0+5x10`, `_` for none)."""

Severity = Literal["page", "ticket"]
"""`page`: users feel it or soon will, wake somebody. `ticket`: look at it today."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A figure that is worth a name of its own, as `level:metric:operation` (Prometheus' naming of rules)."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class Proof:
    """`fires` is a story in which the alert fires at `at`; `quiet` one close to it in which it does not; in `clears`
    it fires at `at` and no longer at `clear_at`. Times as promtool has them (`6m`). `labels` are those of the alert
    that fires, beside its severity."""

    fires: Series
    quiet: Series
    clears: Series
    at: str
    clear_at: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alert:
    """`lasting` is Prometheus' `for`. `summary` may name labels as `{{ $labels.NAME }}`. `means`, `feels` and
    `commands` are its section of the runbook; of `commands` there are three: (command, what to look for in it)."""

    name: str
    expression: str
    lasting: str
    severity: Severity
    summary: str
    means: str
    feels: str
    commands: tuple[tuple[str, str], tuple[str, str], tuple[str, str]]
    proof: Proof


@dataclass(frozen=True, slots=True)
class Group:
    """Rules of one subject: a file of its own, evaluated together. `looks_every` is how often their tests evaluate
    them: a story of a day, looked at each minute, takes minutes."""

    name: str
    about: str
    rules: tuple[Recording | Alert, ...]
    looks_every: str = "1m"

    @property
    def alerts(self) -> tuple[Alert, ...]:
        return tuple(rule for rule in self.rules if isinstance(rule, Alert))
