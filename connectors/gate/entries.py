"""`GateEntry` as the server keeps it: the fields of a hash, and the arguments of `gate.lua`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.once.gate import GateEntry, Say


def from_hash(key: str, fields: Mapping[Any, Any]) -> GateEntry | None:
    """The entry in a gate's hash (names and values are bytes); None when there is no such gate."""
    if not fields:
        return None
    text = {name.decode(): value.decode() for name, value in fields.items()}
    say = None
    if "user" in text:
        say = Say(text["user"], text["subject"], text["language"], text["tenant"])
    return GateEntry(key, int(text.get("epoch", 0)), text.get("gated") == "1", "finished" in text, say)


def say_fields(say: Say | None) -> list[str]:
    """In the order of SAY in `gate.lua`; nothing for an SMS."""
    return [] if say is None else [say.user, say.subject, say.language, say.tenant]


def to_arguments(entry: GateEntry) -> list[str | int]:
    """One gate of a fill: epoch, gated, finished, whether words follow, the words."""
    return [
        entry.epoch,
        int(entry.gated),
        int(entry.finished),
        int(entry.say is not None),
        *say_fields(entry.say),
    ]
