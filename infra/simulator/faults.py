"""The rules in force and how often each has matched."""

import random
from collections.abc import Iterable
from typing import Any

import msgspec

from infra.simulator.script import Fault, Kind
from infra.simulator.truth import TruthLog


class Faults:
    """The first rule that acts on an occasion wins; a rule before it has still counted the match."""

    def __init__(self, truth: TruthLog, rng: random.Random) -> None:
        self._truth = truth
        self._rng = rng
        self._rules: list[Fault] = []
        self._matched: list[int] = []

    def add(self, rules: Iterable[Fault]) -> None:
        for rule in rules:
            self._rules.append(rule)
            self._matched.append(0)

    def clear(self) -> None:
        self._rules.clear()
        self._matched.clear()

    def listing(self) -> list[dict[str, Any]]:
        return [
            {**msgspec.to_builtins(rule), "matched": matched}
            for rule, matched in zip(self._rules, self._matched, strict=True)
        ]

    def match(
        self,
        kind: Kind,
        *,
        op: str | None = None,
        to: str | None = None,
        from_: str | None = None,
        event: str | None = None,
        **about: Any,
    ) -> Fault | None:
        """The fault of this occasion, or None. `about` goes into the ground truth beside it."""
        chosen: Fault | None = None
        for index, rule in enumerate(self._rules):
            if (
                rule.kind != kind
                or (rule.op is not None and rule.op != op)
                or (rule.to is not None and rule.to != to)
                or (rule.from_ is not None and rule.from_ != from_)
                or (rule.event is not None and rule.event != event)
            ):
                continue
            self._matched[index] += 1
            past = self._matched[index] - rule.nth
            due = past >= 0 and (rule.count is None or past < rule.count)
            if chosen is None and due and (rule.probability >= 1 or self._rng.random() < rule.probability):
                chosen = rule
        if chosen is not None:
            fields = {"op": op, "to": to, "from": from_, "event": event, **about}
            self._truth.write("fault.applied", kind=kind, action=chosen.action, **fields)
        return chosen
