"""The error table of the carrier's codes: what follows when it says no. The table itself is `carrier_codes.toml`.

Two readers must come to the same decision from the same code: the owner of an attempt, who writes FAILED or NOT_SENT,
and `reminders`, which reads the code beside it in `calls.events`. So the code is the evidence, not the decision, and a
table that was mended decides anew for all that has not ended.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal, get_args

Then = Literal["retry", "give_up", "tell", "hold", "slow"]

# Twilio numbers the plain HTTP failures so: 20404 is "404 Not Found".
_HTTP = 20_000
_NOT_PLACED: frozenset[Then] = frozenset({"hold", "slow"})


@dataclass(frozen=True, slots=True)
class Code:
    """One row. `text`: the template that tells the user why, where `then` is "tell"."""

    code: int
    then: Then
    meaning: str
    text: str | None = None
    account: bool = False
    alarm: bool = False

    @property
    def is_ours(self) -> bool:
        """Must the operator be told?"""
        return self.alarm or self.then == "hold"

    @property
    def keeps_attempt(self) -> bool:
        """Is the same attempt tried again, since it is not the user's fault and nothing was done?"""
        return self.then in _NOT_PLACED

    @property
    def ends_occurrence(self) -> bool:
        """Will no further attempt go better?"""
        return self.then in ("give_up", "tell")

    @property
    def label(self) -> str:
        """For metrics: codes that are not in the table share one."""
        return str(self.code) if self.code in TABLE else "other"


def numbered(code: int) -> int:
    """The carrier's code, or the number that stands for a plain HTTP status."""
    return code if code >= 1_000 else _HTTP + code


def decide(code: int | None) -> Code:
    """The row of a code. An unknown one, and None, mean: as after BUSY, a next attempt."""
    if code is None:
        return _NO_CODE
    return TABLE.get(numbered(code)) or Code(numbered(code), "retry", "not in the table")


def parse(text: str) -> Mapping[int, Code]:
    """The table from TOML. Raises ValueError for a row that contradicts itself, TypeError for an unknown field."""
    table: dict[int, Code] = {}
    for row in tomllib.loads(text)["codes"]:
        code = Code(**_checked(row))
        if code.code in table:
            raise ValueError(f"code {code.code} stands twice")
        table[code.code] = code
    return table


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    if row.get("then") not in get_args(Then):
        raise ValueError(f"code {row.get('code')}: `then` is one of {', '.join(get_args(Then))}")
    if ("text" in row) != (row["then"] == "tell"):
        raise ValueError(f"code {row['code']}: a text belongs to `tell`, and to nothing else")
    return row


_NO_CODE = Code(0, "retry", "no code")
TABLE: Mapping[int, Code] = parse((files("streams.once") / "carrier_codes.toml").read_text("utf-8"))
