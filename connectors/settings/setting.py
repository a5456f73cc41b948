"""What one setting is, and how people are told that settings are wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.settings import values


class SettingsError(ValueError):
    """One or more settings are missing or wrong; the message names each."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems))
        self.names = [name for name, _ in problems]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `field`: its name in `Settings`, where its default stands too. `read` turns the text into the value
    and raises ValueError with what is wrong."""

    env: str
    field: str
    meaning: str
    read: Callable[[str], Any] = values.text
    secret: bool = False

    @property
    def flag(self) -> str:
        """KAFKA_BOOTSTRAP_SERVERS is --kafka-bootstrap-servers, RINGBACK_STATE_DIR is --state-dir."""
        return "--" + self.env.removeprefix("RINGBACK_").lower().replace("_", "-")
