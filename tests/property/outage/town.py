"""A town that is called back: many users, the timer stream, the calls stage, the gate, and a carrier that goes away.

The processors, the hands' way to the carrier (`Placing`) and the controllers are the real ones; Kafka is a queue that
delivers at once, and time jumps. Everything is decided by a seed, so a run is the same every time.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

from connectors.placing import Placing
from schemas.records import CallState
from streams.calls.processor import CallsProcessor
from streams.control.account import AccountControls
from streams.control.modes import Modes
from streams.ids import CallKey
from streams.once.carrier import CallRequest, CarrierUnavailableError, NotSent, Placed, PlaceResult, Unknown
from streams.once.effects import Enter, Place, Unavailable
from streams.once.memory_gate import MemoryGate, MemoryServer
from streams.phrases import read
from streams.reminders.processor import Reminders
from streams.runtime.clock import ManualClock
from streams.runtime.freshness import Look
from streams.runtime.processor import Do, Event, Opened, Processor, Record, Result
from streams.tenants import Tenant, TenantTable
from streams.topology import CALLS, DUE, EVENTS, OUTBOUND, REQUESTS
from tests.evidence import evidence
from tests.property.outage.memory import Calendar, IndexedState, Pause
from tests.unit.streams.once.performing import perform
from tests.unit.streams.once.scripted import ScriptedCarrier

OURS = "+14155550100"
RESOLVE_MS = 120_000
ANSWER_MS = 300  # of a carrier that is well


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds from the start: reminders are due evenly from `first_s` to `last_s`, the carrier is away in between."""

    reminders: int
    first_s: int
    last_s: int
    away_s: tuple[int, int]
    calls_per_second: float
    modes: Modes = field(default_factory=Modes)
    seed: int = 1


class Town:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.clock = ManualClock()
        self.began_ms = self.clock.now_ms()
        self.calendar = Calendar(self.clock)
        self.tenant = Tenant(
            id="acme",
            numbers=(OURS,),
            confirm_first_contact=False,
            calls_per_second=plan.calls_per_second,
        )
        tenants = TenantTable([self.tenant])
        self.controls = AccountControls("call", plan.modes)
        self.gate = MemoryGate(MemoryServer(self.clock))
        self.carrier = TownCarrier(self)
        self.placing = Placing(self.carrier, self.controls, self.clock)
        self.stages: dict[str, tuple[Processor, IndexedState]] = {
            "reminders": (Reminders(tenants), IndexedState()),
            "calls": (CallsProcessor(0, tenants, _request, RESOLVE_MS, self.controls), IndexedState()),
        }
        self.queue: deque[tuple[str, Event]] = deque((name, Opened(0)) for name in self.stages)
        self.facts: list[dict[str, Any]] = []
        self.sms: list[dict[str, Any]] = []
        self.due: list[dict[str, Any]] = []
        self.evidence: list[dict[str, Any]] = []
        self.steps: Counter[str] = Counter()

    # -- time

    @property
    def now_s(self) -> float:
        return (self.clock.now_ms() - self.began_ms) / 1000

    @property
    def is_away(self) -> bool:
        return self.plan.away_s[0] <= self.now_s < self.plan.away_s[1]

    def live(self, until_s: float) -> None:
        """Let the plan happen."""
        for number in range(self.plan.reminders):
            self._text(number)
        end_ms = self.began_ms + round(until_s * 1000)
        while True:
            self._pump()
            times = [self.calendar.next_ms(), *(state.next_wake_ms() for _, state in self.stages.values())]
            next_ms = min((t for t in times if t is not None), default=end_ms)
            if next_ms >= end_ms:
                return
            self.clock.advance(max(0, next_ms - self.clock.now_ms()) / 1000)
            while (do := self.calendar.take()) is not None:
                do()
            for name, (_, state) in self.stages.items():
                while (wake := state.due(self.clock.now_ms())) is not None:
                    self._step(name, wake)

    def _pump(self) -> None:
        while self.queue:
            self._step(*self.queue.popleft())

    # -- the stages

    def _step(self, name: str, event: Event) -> None:
        processor, state = self.stages[name]
        self.steps[f"{name} {type(event).__name__}"] += 1
        for output in processor.step(state, event, self.clock.now_ms()):
            if isinstance(output, Do):
                self._do(name, output.effect)
            else:
                self.send(output.topic, output.name, dict(output.value))

    def send(self, topic: str, name: str, value: dict[str, Any]) -> None:
        record = Record(topic, 0, 0, self.clock.now_ms(), None, name, value)
        log, readers = {
            REQUESTS.name: ([], ("reminders",)),
            DUE.name: (self.due, ("calls",)),
            CALLS.name: (self.evidence, ("reminders", "calls")),
            EVENTS.name: (self.facts, ("calls",)),
            OUTBOUND.name: (self.sms, ()),
        }[topic]
        log.append(value)
        self.queue.extend((reader, record._replace(value=dict(value))) for reader in readers)

    def _do(self, name: str, effect: Any) -> None:
        def answered(answer: Any) -> None:
            self.queue.append((name, Result(effect, answer)))

        if isinstance(effect, Look):
            sampled_ms = self.clock.now_ms()
            self.calendar.after(2, lambda: answered(sampled_ms))
        elif isinstance(effect, Place):
            self.calendar.after(1, lambda: self.calendar.drive(self.placing.place(effect), answered))
        else:
            delay_ms = effect.delay_ms if isinstance(effect, Enter) else 0
            self.calendar.after(1 + delay_ms, lambda: self.calendar.drive(self._run(effect), answered))

    async def _run(self, effect: Any) -> Any:
        at_once = replace(effect, delay_ms=0) if isinstance(effect, Enter) else effect
        try:
            return await perform(at_once, self.gate, self.carrier, self.clock)
        except CarrierUnavailableError as error:
            return Unavailable(str(error))

    # -- users

    def _text(self, number: int) -> None:
        plan = self.plan
        due_s = plan.first_s + round(self.chance(f"due {number}") * (plan.last_s - plan.first_s))
        command = read(f"Remind me to buy milk in {due_s} seconds")
        assert command.when is not None
        theirs = f"+1415{2_340_000 + number}"
        value = {
            "message_sid": f"SM{number}",
            "tenant": "acme",
            "user": f"acme|{theirs}",
            "from": theirs,
            "to": OURS,
            "received_at": self.clock.now_ms(),
            "text": "",
            "command": command.name,
            "subject": command.subject,
            "when": command.when.to_record(),
            "number": None,
            "zone": None,
            "accepted_at": self.clock.now_ms(),
        }
        self.send(REQUESTS.name, "Request", value)

    def chance(self, name: str) -> float:
        """From 0 to 1, by the seed."""
        digest = blake2b(f"{self.plan.seed}|{name}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64

    # -- what is to be seen

    def lateness_s(self, from_s: float) -> list[float]:
        """Of first tries that were to go out after `from_s`: how late they were asked of the carrier, sorted."""
        first: dict[CallKey, float] = {}
        for at_s, key in zip(self.carrier.asked_s, self.carrier.asked_keys, strict=True):
            first.setdefault(CallKey.parse(key), at_s)
        late_s = []
        for due in self.due:
            at_s = first.get(CallKey(due["reminder_id"], due["due_at"], due["attempt"], due["try"]), -1.0)
            fire_s = (due["fire_at"] - self.began_ms) / 1000
            if due["try"] == 1 and fire_s > from_s and at_s >= 0:
                late_s.append(at_s - fire_s)
        return sorted(late_s)

    def rate(self, from_s: float, to_s: float) -> float:
        """Requests a second at the carrier."""
        return len([s for s in self.carrier.asked_s if from_s <= s < to_s]) / (to_s - from_s)

    def busiest(self, from_s: float, to_s: float, width_s: float) -> float:
        """Requests a second in the busiest stretch of that width."""
        asked = [s for s in self.carrier.asked_s if from_s <= s < to_s]
        most, first = 0, 0
        for last, at_s in enumerate(asked):
            while asked[first] <= at_s - width_s:
                first += 1
            most = max(most, last - first + 1)
        return most / width_s


class TownCarrier(ScriptedCarrier):
    """Away, it refuses connections, does not answer, or answers 503, and one in ten of those it acted upon."""

    def __init__(self, town: Town) -> None:
        super().__init__(town.clock)
        self._town = town
        self.asked_s: list[float] = []
        self.asked_keys: list[str] = []

    async def place_call(self, request: CallRequest) -> PlaceResult:
        town = self._town
        self.asked_s.append(town.now_s)
        self.asked_keys.append(request.url)
        dice = town.chance(f"carrier {request.url}")
        if not town.is_away:
            await Pause(ANSWER_MS)
            return Placed(self._ring(request))
        if dice < 0.6:
            await Pause(3)
            return NotSent("ClientConnectorError: ECONNREFUSED")
        if dice < 0.9:
            await Pause(15_000)
            return Unknown("SocketTimeoutError")
        if dice > 0.99:
            self._ring(request)
        await Pause(50)
        return Unknown("HTTP 503")

    def _ring(self, request: CallRequest) -> str:
        sid, town = self._accept(request), self._town
        picks_up = town.chance(f"answers {request.url}")
        if picks_up < 0.6:
            story: Sequence[tuple[int, str]] = ((8_000, "ANSWERED"), (9_000, "TOLD"), (14_000, "COMPLETED"))
        else:
            story = ((30_000, "NO_ANSWER"),) if picks_up < 0.9 else ((5_000, "BUSY"),)
        status = {"COMPLETED": "completed", "NO_ANSWER": "no-answer", "BUSY": "busy"}
        for after_ms, state in story:
            town.calendar.after(after_ms, lambda state=state: self._tell(request, sid, state))  # type: ignore[misc]
        town.calendar.after(story[-1][0], lambda: self.become(sid, status[story[-1][1]]))
        return sid

    def _tell(self, request: CallRequest, sid: str, state: str) -> None:
        """What the gateway writes."""
        key = CallKey.parse(request.url)
        value = evidence(key, f"acme|{request.to}", state, sid, self.clock.now_ms())
        self._town.send(CALLS.name, "CallEvent", value)

    def _ask(self) -> None:
        if self._town.is_away:
            raise CarrierUnavailableError("away")


def _request(call: CallState) -> CallRequest:
    key = CallKey(call["reminder_id"], call["due_at"], call["attempt"], call["try"])
    return CallRequest(call["user"].rpartition("|")[2], call["from"], str(key), "", "", 30)
