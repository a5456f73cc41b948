"""The load: texts of many users of several tenants, written to `sms.inbound` by a producer that knows nothing of us.

JSON without a key and without `received_at`, one after the other at a steady rate. A user texts once a minute, so that
none has two calls at a time: the second would rightly wait for the first, and be late for a reason of its own.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

from confluent_kafka import KafkaException, Producer

from infra.bench.scaling.shape import Shape
from streams.tenants import Tenant
from streams.topology import SMS_INBOUND

EACH_S = 60.0
TICK_S = 0.02
FLUSH_S = 30.0
TENANTS = [
    Tenant(
        id=f"tenant-{n}",
        numbers=(f"+1415555010{n}",),
        price_per_sms=Decimal("0.01"),
        price_per_answered_call=Decimal("0.10"),
        calls_per_second=50.0,
        confirm_first_contact=False,
    )
    for n in range(10)
]
MOST_USERS = 10_000  # what +1212555NNNN has
THINGS = ("water the plants", "call the plumber", "take the pills", "feed the cat", "turn off the oven")


def text(number: int, users: int, in_s: int) -> dict[str, str]:
    """The SMS `number` of the run."""
    user = number % users
    return {
        "message_sid": f"SM{number:032x}",
        "from": f"+1212555{user:04d}",
        "to": TENANTS[user % len(TENANTS)].numbers[0],
        "body": f"Remind me to {THINGS[number % len(THINGS)]} in {in_s} seconds",
    }


class Texting:
    """Sends from its start until `stop`, in a thread of its own."""

    def __init__(self, config: Mapping[str, str], shape: Shape) -> None:
        self._producer = Producer({**config, "acks": "all", "log_level": 0})
        self._shape = shape
        self._users = min(MOST_USERS, max(len(TENANTS), round(shape.rate_per_s * EACH_S)))
        self._rng = random.Random(shape.seed)
        self._refused: list[str] = []
        self._failed: BaseException | None = None
        self._stop = threading.Event()
        self.sent: dict[str, bool] = {}  # sid → does it cost? As the oracle wants it
        self._thread = threading.Thread(target=self._run, name="texting", daemon=True)
        self._thread.start()

    def stop(self) -> dict[str, bool]:
        """All that was sent. Raises KafkaException when the broker has not taken all of it."""
        self._stop.set()
        self._thread.join()
        left = self._producer.flush(FLUSH_S)
        if self._failed is not None:
            raise self._failed
        if left or self._refused:
            raise KafkaException(
                f"the broker did not take {left + len(self._refused)} SMS: {self._refused[:1]}"
            )
        return self.sent

    def _run(self) -> None:
        try:
            began_s = time.monotonic()
            while not self._stop.wait(TICK_S):
                wanted = int((time.monotonic() - began_s) * self._shape.rate_per_s)
                for number in range(len(self.sent), wanted):
                    sms = text(number, self._users, self._rng.randint(*self._shape.due_s))
                    self._producer.produce(
                        SMS_INBOUND.name,
                        json.dumps(sms).encode(),
                        on_delivery=lambda error, _: self._refused.append(str(error)) if error else None,
                    )
                    self.sent[sms["message_sid"]] = True
                self._producer.poll(0)
        except BaseException as error:  # told by `stop`, in the thread that waits
            self._failed = error


@contextmanager
def texting(config: Mapping[str, str], shape: Shape) -> Iterator[Texting]:
    """Has stopped when the block has ended, however that ended."""
    running = Texting(config, shape)
    try:
        yield running
    finally:
        running._stop.set()
        running._thread.join()
