"""The mode of each controller: off, shadow (decides, counts, logs, does nothing) or on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Mode = Literal["off", "shadow", "on"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Modes:
    """Why these defaults: streams/decisions/2026-11-21-controllers.md."""

    breaker: Mode = "on"
    budget: Mode = "on"
    timeout: Mode = "shadow"
    concurrency: Mode = "on"
