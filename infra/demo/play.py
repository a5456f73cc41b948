"""Playing the script: send each SMS when its time has come, wait until all of it has ended.

Patience is the point: with the broker, Redis or the carrier away everything waits, says what it waits for, and
goes on when it is back. Only a run in which nothing moves although nothing is wrong is given up.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from confluent_kafka import KafkaException

from infra.cli.output import instant
from infra.cli.produce import ToWrite, write
from infra.cli.trace import Step
from infra.demo.run import Run, Sms
from infra.demo.system import System
from infra.simulator.client import SimulatorClient, SimulatorError
from streams.topology import SMS_INBOUND

TICK_S = 0.1
RETRY_S = 0.5
LOOK_AFTER_S = 4.0  # nothing has moved for so long: ask the doctor
LOOK_EVERY_S = 3.0
GIVE_UP_S = 90.0  # nothing has moved and nothing is wrong: something was lost


class GaveUpError(Exception):
    """Nothing moves although nothing seems wrong; the message says what is missing."""


@dataclass
class Player:
    """Plays `run` on `system`; `sent` is told each SMS, `waiting` what stands in the way when that changes."""

    run: Run
    system: System
    sent: Callable[[Sms], None]
    waiting: Callable[[str], None]
    _moved_s: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, step: Step) -> None:
        """Called by the watch for every step of anybody."""
        with self._lock:
            self.run.ledger.add(step)
            if step.user in self.run.ledger.users:
                self._moved_s = time.monotonic()

    def play(self, tick: Callable[[], None]) -> None:
        """Send everything and wait for all ends; `tick` is called some ten times a second.

        Raises GaveUpError, SimulatorError (the carrier refuses an SMS).
        """
        pool = ThreadPoolExecutor(max_workers=4)
        stop = threading.Event()
        deliveries: list[Future[None]] = []
        looks: list[Future[str]] = []
        said, looked_s = "", 0.0
        try:
            while True:
                for sms in self._to_send():
                    deliveries.append(pool.submit(self._deliver, sms, stop))
                for delivery in [d for d in deliveries if d.done()]:
                    deliveries.remove(delivery)
                    delivery.result()
                open_ends = self.open_ends()
                if not open_ends:
                    return
                tick()
                time.sleep(TICK_S)
                now_s = time.monotonic()
                if looks and looks[0].done():
                    trouble = looks.pop(0).result()
                    if trouble != said:
                        said = trouble
                        self.waiting(trouble)
                    if trouble:
                        self._moved_s = max(self._moved_s, now_s - LOOK_AFTER_S)
                still_s = now_s - self._moved_s
                if still_s > LOOK_AFTER_S and not looks and now_s - looked_s > LOOK_EVERY_S:
                    looked_s = now_s
                    looks.append(pool.submit(self._troubles))
                if still_s > GIVE_UP_S:
                    raise GaveUpError(f"nothing has moved for {still_s:.0f} s: {'; '.join(open_ends)}")
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def open_ends(self) -> list[str]:
        with self._lock:
            return self.run.open_ends(time.time_ns() // 1_000_000)

    def _to_send(self) -> list[Sms]:
        with self._lock:
            ready = [sms for sms in self.run.sms.values() if self.run.may_be_sent(sms)]
            for sms in ready:
                sms.sent_at = datetime.now(UTC)
                original = self.run.sms[sms.line.copy_of] if sms.line.copy_of else None
                sms.text = original.text if original else sms.line.body(sms.sent_at)
        for sms in ready:
            self.sent(sms)
        return ready

    def _deliver(self, sms: Sms, stop: threading.Event) -> None:
        """Hand one SMS over; again and again until somebody takes it, under the same sid, so it stays one SMS."""
        while not stop.is_set():
            try:
                if sms.line.via == "webhook":
                    self._by_webhook(sms)
                else:
                    self._by_topic(sms)
                return
            except (KafkaException, SimulatorError, OSError):
                stop.wait(RETRY_S)

    def _by_topic(self, sms: Sms) -> None:
        assert sms.sent_at is not None
        value = {
            "message_sid": sms.sid,
            "from": sms.number,
            "to": sms.to,
            "body": sms.text,
            "received_at": instant(round(sms.sent_at.timestamp() * 1000)),
        }
        write(
            self.system.settings.kafka_config(), [ToWrite(SMS_INBOUND.name, None, json.dumps(value).encode())]
        )

    def _by_webhook(self, sms: Sms) -> None:
        settings = self.system.settings
        carrier = SimulatorClient(settings.twilio_base_url)
        url = f"{settings.public_url}/sms"
        answer = carrier.send_sms(sms.number, sms.to, sms.text, message_sid=sms.sid, url=url, attempts=5)
        if not 200 <= (answer.get("status") or 0) < 300:
            raise SimulatorError("the gateway did not take it")

    def _troubles(self) -> str:
        waiting = self.system.waiting_for()
        found = [f"{f.subject}: {f.text}" for f in self.system.troubles()]
        if waiting:
            found.append(f"not ready: {', '.join(waiting)}")
        return "; ".join(found)
