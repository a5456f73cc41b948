"""The life of a message: out (queued → sent → delivered or not), and in (a user texts one of our numbers)."""

import asyncio
from collections import Counter
from functools import partial

from infra.simulator import params
from infra.simulator.callbacks import Callbacks
from infra.simulator.faults import Faults
from infra.simulator.numbers import Numbers
from infra.simulator.pacing import Pace
from infra.simulator.records import Message
from infra.simulator.settings import Settings
from infra.simulator.tasks import Tasks
from infra.simulator.truth import TruthLog, wall_ms
from infra.simulator.webhooks import WebhookError, Webhooks

USUAL_ERROR = {"undelivered": 30003, "failed": 30008}


class Messaging:
    def __init__(
        self,
        *,
        settings: Settings,
        truth: TruthLog,
        numbers: Numbers,
        callbacks: Callbacks,
        webhooks: Webhooks,
        faults: Faults,
        tasks: Tasks,
    ) -> None:
        self._settings = settings
        self._truth = truth
        self._numbers = numbers
        self._callbacks = callbacks
        self._webhooks = webhooks
        self._faults = faults
        self._tasks = tasks
        self.sent: Counter[str] = Counter()

    def accept(self, message: Message, pace: Pace) -> None:
        """Take a message to send; it goes in its turn. Raises pacing.FullError: then there is no message."""
        pace.submit(partial(self._start, message))
        self._truth.write(
            "message.created", **_about(message), account=message.account.sid, body=message.body
        )

    def _start(self, message: Message) -> None:
        message.life = self._tasks.start(self._live(message))

    async def _live(self, message: Message) -> None:
        self.sent[message.to] += 1
        step = self._numbers.message_step(message.to, self.sent[message.to])
        await asyncio.sleep(self._settings.sent_after_s / self._settings.speed)
        if step.outcome != "failed":  # `failed` never leaves the carrier
            message.started_at = wall_ms()
            self._move(message, "sent")
            await asyncio.sleep(self._settings.delivered_after_s / self._settings.speed)
        if step.outcome != "delivered":
            message.error_code = step.error_code or USUAL_ERROR[step.outcome]
        message.ended_at = wall_ms()
        self._move(message, step.outcome)

    def _move(self, message: Message, status: str) -> None:
        message.status = status
        message.updated_at = wall_ms()
        about = {"status": status, "error_code": message.error_code}
        self._truth.write("message.status", **_about(message), **about)
        if message.status_callback is not None:
            self._callbacks.post(message, message.status_callback, status, params.of_message(message), "POST")

    async def receive(
        self, message: Message, url: str, attempts: int, pause_s: float
    ) -> tuple[int | None, int]:
        """A user's text to one of our numbers: post it until it is taken, at most `attempts` times, each time
        with the same sid. The real carrier tries once (and a fallback URL); with more we play a queue in front.

        (last HTTP status or None, posts made)
        """
        message.status = "received"
        message.started_at = message.created_at  # of a text from a user DateSent is when it came
        self._truth.write("sms.received", **_about(message), account=message.account.sid, body=message.body)
        about = params.of_inbound(message)
        status: int | None = None
        for attempt in range(1, attempts + 1):
            fault = self._faults.match("sms", to=message.to, from_=message.from_, sid=message.sid)
            action = None if fault is None else fault.action
            if fault is not None and action in {"delay", "shuffle"}:
                await asyncio.sleep(fault.delay_s or fault.spread_s)
            status = None
            if action != "drop":
                for _ in range(fault.copies if fault is not None and action == "duplicate" else 1):
                    status = await self._post(message, url, about)
            if status is not None and status < 500:
                return status, attempt
            if attempt < attempts:
                await asyncio.sleep(pause_s)
        return status, attempts

    async def _post(self, message: Message, url: str, about: dict[str, str]) -> int | None:
        try:
            return (
                await self._webhooks.send(message.account, url, about, kind="sms", sid=message.sid)
            ).status
        except WebhookError:
            return None


def _about(message: Message) -> dict[str, str]:
    return {"sid": message.sid, "to": message.to, "from": message.from_}
