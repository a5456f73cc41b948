"""What happens after the answer: TwiML is fetched and followed, and what the callee hears is written down."""

import asyncio
from collections import deque
from urllib.parse import urljoin

from infra.simulator import params, twiml
from infra.simulator.faults import Faults
from infra.simulator.records import Call
from infra.simulator.settings import Settings
from infra.simulator.truth import TruthLog
from infra.simulator.webhooks import WebhookError, Webhooks

MAX_DOCUMENTS = 100  # a loop of redirects ends here
APPLICATION_ERROR = "We're sorry, an application error has occurred. Goodbye."


class Conversation:
    def __init__(self, settings: Settings, truth: TruthLog, webhooks: Webhooks, faults: Faults) -> None:
        self._settings = settings
        self._truth = truth
        self._webhooks = webhooks
        self._faults = faults

    async def hold(self, call: Call, digits: tuple[str, ...]) -> None:
        """Until the document ends, hangs up, or cannot be had. Cancelled when either side hangs up before."""
        keys = deque(digits)
        if call.twiml is not None:
            verbs, base = self._parsed(call, call.twiml.encode()), ""
        else:
            verbs, base = await self._fetch(call, call.url or "", call.method, {})
        documents = 1
        while verbs is not None and verbs:
            verb = verbs.popleft()
            match verb:
                case twiml.Say():
                    await self._say(call, verb.text, voice=verb.voice)
                case twiml.Pause():
                    await self._elapse(verb.seconds)
                case twiml.Hangup():
                    return
                case twiml.Redirect():
                    documents += 1
                    if documents > MAX_DOCUMENTS:
                        break
                    verbs, base = await self._fetch(call, urljoin(base, verb.url), verb.method, {})
                case twiml.Gather():
                    pressed = await self._gather(call, verb, keys)
                    if pressed is not None:
                        documents += 1
                        target = urljoin(base, verb.action or "")
                        verbs, base = await self._fetch(call, target, verb.method, pressed)
                case twiml.Unsupported():
                    self._truth.write("call.unsupported_verb", sid=call.sid, verb=verb.name)
        if verbs is None or documents > MAX_DOCUMENTS:
            await self._say(call, APPLICATION_ERROR, error=True)

    async def _gather(self, call: Call, verb: twiml.Gather, keys: "deque[str]") -> dict[str, str] | None:
        for part in verb.prompt:
            if isinstance(part, twiml.Say):
                await self._say(call, part.text, voice=part.voice)
            else:
                await self._elapse(part.seconds)
        if not keys:
            await self._elapse(min(verb.timeout_s, self._settings.key_wait_s))
            return None
        pressed = keys.popleft()
        self._truth.write("call.pressed", sid=call.sid, to=call.to, digits=pressed)
        finished = pressed[-1:] if pressed[-1:] == verb.finish_on_key else ""
        digits = pressed.removesuffix(finished)[: verb.num_digits]
        return {"Digits": digits, "msg": "Gather End", "FinishedOnKey": finished}

    async def _say(self, call: Call, text: str, error: bool = False, voice: str | None = None) -> None:
        about = {"sid": call.sid, "to": call.to, "text": text, "voice": voice, "error": error}
        try:
            await self._elapse(len(text) / self._settings.say_chars_per_s)
        except asyncio.CancelledError:
            self._truth.write("call.heard", **about, whole=False)
            raise
        self._truth.write("call.heard", **about, whole=True)

    async def _fetch(
        self, call: Call, url: str, method: str, extra: dict[str, str]
    ) -> tuple["deque[twiml.Verb] | None", str]:
        """(verbs, the URL they came from); the fallback's when the first fails; (None, "") when both do."""
        code = 11200
        fault = self._faults.match("voice", to=call.to, from_=call.from_, sid=call.sid)
        if fault is not None and fault.action == "delay":
            await asyncio.sleep(fault.delay_s)
        lost = fault is not None and fault.action == "drop"
        copies = fault.copies if fault is not None and fault.action == "duplicate" else 1
        attempts = [(url, method, extra)]
        if call.fallback_url is not None:
            attempts.append((call.fallback_url, call.fallback_method, extra))
        for index, (target, how, more) in enumerate(attempts):
            if index == 0 and lost:
                continue
            about = params.of_call(call) | more
            if index:
                about |= {"ErrorCode": str(code), "ErrorUrl": url}
            try:
                for _ in range(copies - 1 if index == 0 else 0):
                    await self._webhooks.send(
                        call.account, target, about, kind="voice", sid=call.sid, method=how
                    )
                answer = await self._webhooks.send(
                    call.account, target, about, kind="voice", sid=call.sid, method=how
                )
            except WebhookError as error:
                code = error.code
                continue
            if not answer.ok:
                code = 11200
                continue
            verbs = self._parsed(call, answer.body)
            if verbs is not None:
                return verbs, target
            code = 12100
        self._truth.write("call.application_error", sid=call.sid, to=call.to, code=code)
        return None, ""

    def _parsed(self, call: Call, document: bytes) -> "deque[twiml.Verb] | None":
        try:
            return deque(twiml.parse(document))
        except twiml.TwimlError as error:
            self._truth.write("call.bad_twiml", sid=call.sid, reason=str(error))
            return None

    async def _elapse(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._settings.speed)
