"""What our safety costs on top of fastavro: the codec is on the hot path of every stage.

Header, fingerprint, error handling and the check for bytes left over, beside the bare reader and writer. Each is
called in short rounds, in turn, so that a slow minute of a shared machine hits all alike; the best round counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from time import perf_counter
from typing import Any

import fastavro

from schemas import avro, catalog, codec
from schemas.records import ReminderDue

BAR = 1.25
ROUNDS, CALLS = 60, 400
DUE: ReminderDue = {
    "reminder_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "user": "acme|+14155550101",
    "tenant": "acme",
    "from": "+14155550100",
    "due_at": 1_790_000_000_000,
    "fire_at": 1_790_000_000_000,
    "attempt": 1,
    "try": 2,
    "subject": "buy milk",
    "language": "en",
    "expires_at": 1_790_000_900_000,
    "quiet_from": None,
    "quiet_until": 1_790_000_000_000,
}


@dataclass(frozen=True, slots=True)
class CodecResult:
    """Microseconds a record, best round."""

    name: str
    bare_us: float
    ours_us: float

    @property
    def ratio(self) -> float:
        return self.ours_us / self.bare_us

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "bare_us": self.bare_us,
            "ours_us": self.ours_us,
            "ratio": round(self.ratio, 3),
        }


def measure() -> list[CodecResult]:
    """Writing and reading of one ReminderDue."""
    schema = avro.prepare(catalog.current()["ReminderDue"].schema)
    encode, decode = codec.encoder("ReminderDue"), codec.decoder("ReminderDue")
    data = encode(DUE)
    body = data[codec.HEADER_LENGTH :]

    def bare_write() -> bytes:
        out = BytesIO()
        fastavro.schemaless_writer(out, schema, DUE)
        return out.getvalue()

    best = _best(
        {
            "bare write": bare_write,
            "write": lambda: encode(DUE),
            "bare read": lambda: fastavro.schemaless_reader(BytesIO(body), schema, None),
            "read": lambda: decode(data),
        }
    )
    return [CodecResult(name, best[f"bare {name}"], best[name]) for name in ("write", "read")]


def _best(functions: dict[str, Callable[[], object]]) -> dict[str, float]:
    least = dict.fromkeys(functions, float("inf"))
    for _ in range(ROUNDS):
        for name, function in functions.items():
            start = perf_counter()
            for _ in range(CALLS):
                function()
            least[name] = min(least[name], (perf_counter() - start) / CALLS * 1e6)
    return {name: round(us, 3) for name, us in least.items()}


def table(results: list[CodecResult]) -> str:
    """Best of short rounds, microseconds."""
    lines = ["one ReminderDue, best of short rounds, us", "            fastavro   codec   ratio"]
    lines += [f"{row.name:12}{row.bare_us:8.2f}{row.ours_us:8.2f}{row.ratio:7.2f}x" for row in results]
    return "\n".join(lines)
