"""What can be wrong around the pipeline, looked at from outside: the checks of `ringback doctor`.

`demo` asks the same checks what it is waiting for. Every check takes a few seconds at most and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Literal

from connectors.settings import Settings

State = Literal["ok", "warn", "fail", "unreachable"]
TIMEOUT_S = 4.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the answer. `advice` is what to do about it; empty when all is well."""

    subject: str
    state: State
    text: str
    advice: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Check = Callable[[Settings], Iterator[Finding]]


def all_checks() -> dict[str, Check]:
    from infra.cli.checks import http, kafka, local, redis

    return {
        "kafka": kafka.check,
        "redis": redis.check,
        "carrier": http.carrier,
        "gateway": http.gateway,
        "registry": http.registry,
        "state": local.state,
    }


def examine(settings: Settings, names: Sequence[str] = ()) -> list[Finding]:
    """The findings of the named checks (all of them without names), side by side; never raises."""
    checks = {name: check for name, check in all_checks().items() if not names or name in names}

    def one(name: str) -> list[Finding]:
        try:
            return list(checks[name](settings))
        except Exception as error:  # a check that fails is a finding too
            return [Finding(name, "fail", f"could not be examined: {type(error).__name__}: {error}")]

    with ThreadPoolExecutor(max_workers=len(checks) or 1) as pool:
        return [finding for findings in pool.map(one, checks) for finding in findings]


def troubles(settings: Settings) -> list[Finding]:
    """What stands in the way right now: unreachable or wrong, without mere warnings."""
    return [f for f in examine(settings) if f.state in ("fail", "unreachable")]
