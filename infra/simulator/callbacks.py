"""Status callbacks: posted in order, one after the other, unless a fault rule drops, delays or mixes them."""

import asyncio
import random

from infra.simulator.faults import Faults
from infra.simulator.records import Call, Message
from infra.simulator.tasks import Tasks
from infra.simulator.truth import TruthLog
from infra.simulator.webhooks import WebhookError, Webhooks


class Callbacks:
    """`post` returns at once. The real carrier promises no order; keeping one is the friendly default."""

    def __init__(
        self, webhooks: Webhooks, faults: Faults, truth: TruthLog, tasks: Tasks, rng: random.Random
    ) -> None:
        self._webhooks = webhooks
        self._faults = faults
        self._truth = truth
        self._tasks = tasks
        self._rng = rng

    def post(self, record: Call | Message, url: str, event: str, params: dict[str, str], method: str) -> None:
        fault = self._faults.match("callback", to=record.to, from_=record.from_, event=event, sid=record.sid)
        action = None if fault is None else fault.action
        if fault is not None and action == "drop":
            return
        delay_s, copies = 0.0, 1
        if fault is not None:
            if action == "delay":
                delay_s = fault.delay_s
            elif action == "shuffle":
                delay_s = self._rng.uniform(0.0, fault.spread_s)
            elif action == "duplicate":
                copies = fault.copies
        in_order = action not in {"delay", "shuffle"}
        previous = record.last_callback if in_order else None
        task = self._tasks.start(
            self._send(record, url, params, method=method, previous=previous, delay_s=delay_s, copies=copies)
        )
        if in_order:
            record.last_callback = task

    async def _send(
        self,
        record: Call | Message,
        url: str,
        params: dict[str, str],
        *,
        method: str,
        previous: "asyncio.Task[None] | None",
        delay_s: float,
        copies: int,
    ) -> None:
        if previous is not None and not previous.done():
            await asyncio.wait([previous])
        if delay_s:
            await asyncio.sleep(delay_s)
        for _ in range(copies):
            try:
                await self._webhooks.send(
                    record.account, url, params, kind="callback", sid=record.sid, method=method
                )
            except WebhookError:
                continue  # the ground truth has it; nobody else wants to know
