"""What happened between two moments of a run: throughput, lateness, lag. Pure.

A call belongs to the span in which it was due, the facts of an SMS to that in which the broker appended them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from infra.bench.scaling.samples import Sample
from infra.bench.timers.tally import percentile
from infra.oracle import Event, Row

# What was due this short a time before a change may have been on its way when it came.
ON_ITS_WAY_MS = 100
Key = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Span:
    """From one moment to another (epoch ms). `members`: of each stage, at its end. `ready_s`: how long the members
    that came or went took, None where none did."""

    name: str
    members: Mapping[str, int]
    begin_ms: int
    end_ms: int
    ready_s: float | None = None

    @property
    def took_s(self) -> float:
        return (self.end_ms - self.begin_ms) / 1000


@dataclass(frozen=True, slots=True)
class Lateness:
    """Milliseconds behind the due instant; None where nothing was due."""

    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None

    @classmethod
    def of(cls, late_ms: Sequence[float]) -> Lateness:
        if not late_ms:
            return cls(None, None, None)
        return cls(percentile(late_ms, 0.5), percentile(late_ms, 0.99), max(late_ms))


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one span. `called`: the carrier was asked; `fired`: the timer stream had put it into `reminders.due`.

    `lag_s`: by stage, the highest of the samples. `cores`: how many of the machine's were busy, by all that runs there.
    """

    sms_per_s: float
    calls_per_s: float
    called: Lateness
    fired: Lateness
    lag_s: Mapping[str, float]
    cores: float | None


def measure(
    spans: Iterable[Span], rows: Sequence[Row], truth: Sequence[Event], samples: Sequence[Sample]
) -> list[Figures]:
    """In the order of the spans."""
    due = {_key(row.value): row for row in rows if row.topic == "reminders.due"}
    asked = {
        _key_of_url(event["url"]): int(event["at"]) for event in truth if event["type"] == "call.created"
    }
    outcomes = [row.appended_at for row in rows if row.topic == "reminders.events" and _is_outcome(row)]
    return [_figures(span, due, asked, outcomes, samples) for span in spans]


def _figures(
    span: Span,
    due: Mapping[Key, Row],
    asked: Mapping[Key, int],
    outcomes: Sequence[int],
    samples: Sequence[Sample],
) -> Figures:
    mine = [
        (key, row)
        for key, row in due.items()
        if span.begin_ms <= row.value["fire_at"] + ON_ITS_WAY_MS < span.end_ms
    ]
    seen = [sample for sample in samples if span.begin_ms <= sample.at_ms < span.end_ms]
    lag_s: dict[str, float] = {}
    for sample in seen:
        for stage, age_s in sample.lag_s.items():
            lag_s[stage] = max(age_s, lag_s.get(stage, 0.0))
    took_s = max(span.took_s, 0.001)
    return Figures(
        sum(span.begin_ms <= at < span.end_ms for at in outcomes) / took_s,
        sum(span.begin_ms <= at < span.end_ms for at in asked.values()) / took_s,
        Lateness.of([asked[key] - row.value["fire_at"] for key, row in mine if key in asked]),
        Lateness.of([row.appended_at - row.value["fire_at"] for _, row in mine]),
        lag_s,
        _cores(seen),
    )


def _cores(seen: Sequence[Sample]) -> float | None:
    if len(seen) < 2:
        return None
    return (seen[-1].busy_s - seen[0].busy_s) / max(0.001, (seen[-1].at_ms - seen[0].at_ms) / 1000)


def _is_outcome(row: Row) -> bool:
    return row.value["type"] == "SCHEDULED" and row.value["message_sid"] is not None


def _key(value: Mapping[str, Any]) -> Key:
    return value["reminder_id"], value["due_at"], value["attempt"], value["try"]


def _key_of_url(url: str) -> Key:
    """As the carrier was given it: an intended call is named in the address of its words."""
    reminder, due_at, attempt, try_ = parse_qs(urlsplit(url).query)["k"][0].split(".")
    return reminder, int(due_at), int(attempt), int(try_)
