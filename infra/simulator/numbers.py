"""Who is at the other end: the behaviour of each number."""

from collections.abc import Iterable

from infra.simulator.script import Behaviour, CallStep, MessageStep

ANYBODY = "*"


class Numbers:
    def __init__(self) -> None:
        self._behaviours: dict[str, Behaviour] = {}
        self.clear()

    def clear(self) -> None:
        self._behaviours = {ANYBODY: Behaviour(ANYBODY)}

    def set(self, behaviours: Iterable[Behaviour]) -> None:
        for behaviour in behaviours:
            self._behaviours[behaviour.number] = behaviour

    def listing(self) -> list[Behaviour]:
        return list(self._behaviours.values())

    def call_step(self, number: str, nth: int) -> CallStep:
        """What the nth (from 1) ringing of this phone comes to."""
        steps = self._of(number).calls
        return steps[min(nth, len(steps)) - 1]

    def message_step(self, number: str, nth: int) -> MessageStep:
        steps = self._of(number).messages
        return steps[min(nth, len(steps)) - 1]

    def _of(self, number: str) -> Behaviour:
        return self._behaviours.get(number) or self._behaviours[ANYBODY]
