"""A key pressed in a call that is told its words: written down as evidence, confirmed by voice, then the end.

The URL that the carrier posts it to was given to one call, with the words and after its ANSWERED was stored, and comes
back inside the carrier's signature. So it proves what the gate would have to be asked for otherwise, and a key counts
while Redis is away.

What a key means is acted upon by the timer stream (`streams/reminders/keys.py`); here it is stored before it is
confirmed. A key that means nothing is answered with the choice once more, then good bye.

| crash or failure | what the caller hears | what is written |
|---|---|---|
| Kafka does not confirm | a pause, asked again with the key in the URL, 3 times; apology | nothing, or the press |
| the gateway is away | the carrier asks the call's fallback URL: words and choice again | nothing |
| the answer is lost | the same | the press; a copy changes nothing |
"""

from __future__ import annotations

import logging
from typing import Final

from connectors.gateway import twiml
from connectors.gateway.delivery import Deliveries, NotDelivered
from connectors.gateway.frames import Frame, frame
from connectors.gateway.limits import GatewaySettings
from connectors.gateway.urls import KeyTarget, key_url
from schemas.records import CallEvent
from streams.ids import user_key
from streams.keypad import DONE, NEVER, SNOOZE
from streams.metrics import Metrics
from streams.runtime.clock import Clock
from streams.topology import CALLS

log = logging.getLogger("ringback.gateway")
MAX_ASKED = 3
MAX_CHOICES = 1  # times the choice is repeated

NAMES: Final = {DONE: "done", SNOOZE: "snooze", NEVER: "never"}


class Keypad:
    def __init__(
        self, deliveries: Deliveries, settings: GatewaySettings, clock: Clock, metrics: Metrics
    ) -> None:
        self._deliveries = deliveries
        self._settings = settings
        self._clock = clock
        self._metrics = metrics

    async def pressed(self, target: KeyTarget, sid: str, to: str, digits: str) -> str:
        """TwiML for the call `sid` to the number `to`, in which `digits` was pressed."""
        outcome, xml = await self._decide(target, sid, to, target.pressed or digits)
        self._metrics.inc("ringback_gateway_answers_total", outcome=outcome)
        log.info("call %s of %s: %s", sid, target.call.key, outcome)
        return xml

    async def _decide(self, target: KeyTarget, sid: str, to: str, digits: str) -> tuple[str, str]:
        call, language = target.call, target.language
        if sid != target.sid:
            return "key_of_other_call", twiml.hang_up()
        name = NAMES.get(digits)
        if name is None:
            return self._unknown_key(target)
        try:
            event = self._event(target, to, digits)
            await self._deliveries.send(CALLS, event["user"], event, self._settings.voice_wait_s)
        except NotDelivered:
            if call.asked < MAX_ASKED:
                url = key_url(self._settings.public_url, target.again(digits))
                return "key_not_stored", twiml.come_again(url)
            return "key_not_stored_given_up", twiml.sorry(language, call.voice)
        return f"key_{name}", twiml.last_words(_confirmation(frame(language), digits), language, call.voice)

    def _unknown_key(self, target: KeyTarget) -> tuple[str, str]:
        call, language = target.call, target.language
        if call.asked < MAX_CHOICES:
            url = key_url(self._settings.public_url, target.again())
            return "key_unknown", twiml.choice(language, call.voice, url)
        return "key_unknown_given_up", twiml.last_words(frame(language).goodbye, language, call.voice)

    def _event(self, target: KeyTarget, to: str, digits: str) -> CallEvent:
        key, call = target.call.key, target.call
        return {
            "reminder_id": key.reminder_id,
            "user": user_key(call.tenant, to),
            "tenant": call.tenant,
            "due_at": key.due_at,
            "attempt": key.attempt,
            "try": key.try_,
            "state": "ANSWERED",
            "call_sid": target.sid,
            "epoch": call.epoch,
            "digits": digits,
            "reason": None,
            "at": self._clock.now_ms(),
            "code": None,
        }


def _confirmation(spoken: Frame, digits: str) -> str:
    return {DONE: spoken.done, SNOOZE: spoken.snoozed, NEVER: spoken.never}[digits]
