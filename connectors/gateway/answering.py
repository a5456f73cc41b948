"""Who hears the words: step 7 of the call protocol, for a call that was picked up.

What is decided stands in streams/once/answering.py, a machine without I/O; here its effects are run, and its reply
becomes TwiML. 1. Read the gate and its generation. 2. The first sid that asks for the occurrence has the words; another
hangs up. 3. ANSWERED is written to Kafka, confirmed. 4. Gate and generation are read again; when they have changed,
the answer of step 2 may be lost: ask again. 5. The words go out. 6. TOLD is written, after the response.

| crash or failure | what the caller gets | what is written |
|---|---|---|
| Redis away at 1, 2 or 4; ANSWERED unconfirmed at 3 | pause, asked again, 3 times; apology | nothing, or ANSWERED |
| between 3 and 5 | the carrier asks the fallback URL: the same sid gets the same words | ANSWERED, perhaps twice |
| between 5 and 6 | the words | ANSWERED without TOLD: an SMS says it as well |

A gate that is not there is asked for again too: only we sign attempts into URLs, so it is most likely a server
that is being filled after a restart.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from connectors.gateway import twiml
from connectors.gateway.delivery import Deliveries, NotDelivered
from connectors.gateway.limits import GatewaySettings
from connectors.gateway.urls import CallTarget, KeyTarget, key_url, voice_url
from schemas.records import CallEvent
from streams.metrics import Metrics
from streams.once.answering import (
    AnswerEffect,
    ComeAgain,
    GiveWords,
    HangUp,
    ReadGate,
    Reply,
    Sorry,
    WhichLife,
    Words,
    WriteAnswered,
    pick_up,
    step,
)
from streams.once.effects import Unavailable
from streams.once.gate import GateEntry, GateUnavailable, Say
from streams.runtime.clock import Clock
from streams.runtime.deadline import Deadline
from streams.topology import CALLS

log = logging.getLogger("ringback.gateway")
MACHINES = ("machine", "fax")  # how the carrier's words for what is not a person begin


class AnswerGate(Protocol):
    """What of the gate the gateway uses. All raise GateUnavailable."""

    async def generation(self) -> str: ...

    async def read(self, key: str) -> GateEntry | None: ...

    async def answer(self, occurrence: str, sid: str, generation: str | None = None) -> str: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """TwiML, the word it is counted under, and the TOLD that must follow when it held the words."""

    xml: str
    outcome: str
    told: CallEvent | None = None


class Answering:
    def __init__(
        self,
        gate: AnswerGate,
        deliveries: Deliveries,
        settings: GatewaySettings,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._gate = gate
        self._deliveries = deliveries
        self._settings = settings
        self._clock = clock
        self._metrics = metrics

    async def answer(self, target: CallTarget, sid: str, to: str, answered_by: str = "human") -> Answer:
        """What the call `sid` to the number `to` gets now. Raises nothing for what is away.

        `answered_by` is the carrier's word for who picked up, where it was asked to find out.
        """
        by_machine = answered_by.startswith(MACHINES)
        if by_machine and target.on_machine == "hang_up_and_retry":
            answer = Answer(twiml.hang_up(), "machine")  # no words, no ANSWERED: the next attempt follows
        else:
            answer = await self._decide(target, sid, to, by_machine)
        self._metrics.inc("ringback_gateway_answers_total", outcome=answer.outcome)
        log.info("call %s of %s: %s", sid, target.key, answer.outcome)
        return answer

    async def told(self, event: CallEvent) -> None:
        """Write TOLD. Without it the words go out by SMS as well, which is better than not at all."""
        try:
            await self._deliveries.send(CALLS, event["user"], event, self._settings.delivery_wait_s)
        except NotDelivered:
            log.warning("call %s: TOLD was not confirmed", event["call_sid"])

    async def _decide(self, target: CallTarget, sid: str, to: str, by_machine: bool) -> Answer:
        """Run what the machine wants until it has a reply."""
        deadline = Deadline(self._settings.voice_wait_s)
        picked, wanted = pick_up(target.key, sid, to, target.asked)
        following: AnswerEffect | Reply = wanted
        while not isinstance(following, Reply):
            picked, following = step(picked, await self._run(following, target, sid, deadline))
        return self._render(following, target, sid, by_machine)

    async def _run(
        self, effect: AnswerEffect, target: CallTarget, sid: str, deadline: Deadline
    ) -> str | GateEntry | bool | Unavailable | None:
        try:
            match effect:
                case WhichLife():
                    return await self._gate.generation()
                case ReadGate(key):
                    return await self._gate.read(key)
                case GiveWords():
                    return await self._gate.answer(effect.occurrence, effect.sid, effect.generation)
                case WriteAnswered(say):
                    answered = self._event(target, say, sid, "ANSWERED")
                    await self._deliveries.send(CALLS, say.user, answered, deadline.left_s())
                    return True
        except GateUnavailable as away:
            log.warning("the gate is away: %s", away)
            return Unavailable(str(away))
        except NotDelivered:
            return False

    def _render(self, reply: Reply, target: CallTarget, sid: str, by_machine: bool) -> Answer:
        match reply:
            case Words(say):
                told = self._event(target, say, sid, "TOLD")
                keys = None if by_machine else self._key_url(target, sid, say.language)
                return Answer(twiml.words(say.subject, say.language, target.voice, keys), reply.outcome, told)
            case HangUp():
                return Answer(twiml.hang_up(), reply.outcome)
            case ComeAgain():
                again = voice_url(self._settings.public_url, target.again())
                return Answer(twiml.come_again(again), reply.outcome)
            case Sorry():
                return Answer(twiml.sorry(reply.language, target.voice), reply.outcome)

    def _key_url(self, target: CallTarget, sid: str, language: str) -> str:
        return key_url(self._settings.public_url, KeyTarget.of(target, sid, language))

    def _event(self, target: CallTarget, say: Say, sid: str, state: str) -> CallEvent:
        key = target.key
        return {
            "reminder_id": key.reminder_id,
            "user": say.user,
            "tenant": say.tenant,
            "due_at": key.due_at,
            "attempt": key.attempt,
            "try": key.try_,
            "state": state,
            "call_sid": sid,
            "epoch": target.epoch,
            "digits": None,
            "reason": None,
            "at": self._clock.now_ms(),
            "code": None,
        }
