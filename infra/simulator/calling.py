"""The life of a call: queued → (initiated) → ringing → in-progress → completed, or one of the other ends."""

import asyncio
import time
from collections import Counter
from functools import partial

from infra.simulator import params
from infra.simulator.callbacks import Callbacks
from infra.simulator.conversation import Conversation
from infra.simulator.numbers import Numbers
from infra.simulator.pacing import Pace
from infra.simulator.records import Call
from infra.simulator.script import CallStep
from infra.simulator.settings import Settings
from infra.simulator.tasks import Tasks
from infra.simulator.truth import TruthLog, wall_ms

END_OF = {"busy": "busy", "reject": "busy", "failed": "failed", "no-answer": "no-answer"}
EVENT_OF_STATUS = {"initiated": "initiated", "ringing": "ringing", "in-progress": "answered"}


class Calling:
    """Starts calls and moves them on. Every change is in the ground truth before any callback tells of it."""

    def __init__(
        self,
        *,
        settings: Settings,
        truth: TruthLog,
        numbers: Numbers,
        callbacks: Callbacks,
        conversation: Conversation,
        tasks: Tasks,
    ) -> None:
        self._settings = settings
        self._truth = truth
        self._numbers = numbers
        self._callbacks = callbacks
        self._conversation = conversation
        self._tasks = tasks
        self._starts: dict[str, partial[None]] = {}
        self.dialed: Counter[str] = Counter()

    def accept(self, call: Call, pace: Pace) -> None:
        """Take a new call; it is dialled in its turn. Raises pacing.FullError: then there is no such call."""
        start = partial(self._start, call)
        call.queue_time_ms = pace.submit(start)
        self._starts[call.sid] = start
        about = {"sid": call.sid, "to": call.to, "from": call.from_}
        # Before anything about it is dialled: starting only makes a task, which has not run yet.
        self._truth.write("call.created", **about, account=call.account.sid, url=call.url)
        if call.queue_time_ms:
            self._truth.write("call.queued", **about, queue_time_ms=call.queue_time_ms)

    async def end_by_api(self, call: Call, status: str, pace: Pace) -> None:
        """`canceled` ends a call not yet answered; `completed` ends any (as canceled before the answer)."""
        if call.ended or (call.status == "in-progress" and status == "canceled"):
            return
        start = self._starts.pop(call.sid, None)
        if start is not None:
            pace.withdraw(start)
        if call.life is not None:
            call.life.cancel()
            await asyncio.wait([call.life])  # so that what was heard until now is written first
        if not call.ended:
            self._end(call, "completed" if call.status == "in-progress" else "canceled", by="api")

    def _start(self, call: Call) -> None:
        self._starts.pop(call.sid, None)
        call.life = self._tasks.start(self._live(call))

    async def _live(self, call: Call) -> None:
        self.dialed[call.to] += 1
        step = self._numbers.call_step(call.to, self.dialed[call.to])
        call.started_at = wall_ms()
        self._truth.write("call.dialed", sid=call.sid, to=call.to, nth=self.dialed[call.to])
        self._tell(call, "initiated")
        await self._elapse(self._settings.dial_s)
        if step.outcome == "failed":
            return self._end(call, "failed", by="network")
        self._move(call, "ringing")
        self._truth.write("call.ringing", sid=call.sid, to=call.to)
        self._tell(call, "ringing")
        after_s, end = self._ring(call, step)
        await self._elapse(after_s)
        if end is not None:
            return self._end(call, end, by="callee")
        await self._talk(call, step)
        return None

    def _ring(self, call: Call, step: CallStep) -> tuple[float, str | None]:
        """(how long it rings in s, the end it comes to, or None when somebody answers)"""
        usual = call.ring_timeout_s if step.outcome == "no-answer" else self._settings.answer_after_s
        after_s = usual if step.after_s is None else step.after_s
        if after_s >= call.ring_timeout_s:
            return call.ring_timeout_s, "no-answer"
        return after_s, END_OF.get(step.outcome)

    async def _talk(self, call: Call, step: CallStep) -> None:
        by = "machine" if step.outcome == "machine" else "human"
        call.answered_mono = time.monotonic()
        if call.machine_detection is not None:
            end = call.machine_detection == "DetectMessageEnd"
            call.answered_by = by if by == "human" else "machine_end_beep" if end else "machine_start"
        self._move(call, "in-progress")
        self._truth.write("call.answered", sid=call.sid, to=call.to, by=by)
        self._tell(call, "in-progress")
        speed = self._settings.speed
        patience = None if step.hang_up_after_s is None else step.hang_up_after_s / speed
        ended_by = "caller"
        try:
            async with asyncio.timeout(patience):
                await self._conversation.hold(call, step.digits)
        except TimeoutError:
            ended_by = "callee"
        self._end(call, "completed", by=ended_by)

    def _move(self, call: Call, status: str) -> None:
        call.status = status
        call.updated_at = wall_ms()

    def _end(self, call: Call, status: str, by: str) -> None:
        call.duration_s = call.talked_s
        call.ended_at = wall_ms()
        self._move(call, status)
        self._truth.write(
            "call.ended", sid=call.sid, to=call.to, status=status, by=by, duration_s=call.duration_s
        )
        self._tell(call, status)

    def _tell(self, call: Call, status: str) -> None:
        event = EVENT_OF_STATUS.get(status, "completed")
        about = params.of_call_event(call, status)  # counted also when nobody asked: as the carrier does
        if call.status_callback is not None and event in call.events:
            self._callbacks.post(call, call.status_callback, event, about, call.status_callback_method)

    async def _elapse(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._settings.speed)
