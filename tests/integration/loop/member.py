"""A process that runs one member of the counting stage until SIGTERM: what the tests kill, stop and freeze."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from pathlib import Path

from connectors.kafka.clients import KafkaClients
from streams.runtime.clock import SystemClock
from streams.runtime.effects import NoHands
from streams.runtime.errors import LoopError
from streams.runtime.loop import Loop, LoopSettings
from streams.runtime.telemetry import NoTelemetry
from streams.runtime.wire import Wire
from tests.integration.loop.counting import Counting, stage_called


def main(bootstrap: str, protocol: str, name: str, member: str, folder: str) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(name)s %(message)s")
    clients = KafkaClients(bootstrap, group_protocol=protocol)
    stopping = threading.Event()
    current: list[Loop] = []

    def stop(*_: object) -> None:
        stopping.set()
        for loop in current:
            loop.stop()

    signal.signal(signal.SIGTERM, stop)
    while not stopping.is_set():
        loop = Loop(
            stage_called(name),
            lambda _: Counting(f"{name}.out"),
            clients=clients,
            codec=Wire(),
            clock=SystemClock(),
            hands=NoHands(),
            telemetry=NoTelemetry(),
            # Small batches: many transactions, so that a kill at random falls into the middle of one.
            settings=LoopSettings(member, Path(folder), max_batch=20, shutdown_s=5.0),
        )
        current[:] = [loop]
        try:
            loop.run()
        except LoopError as decision:
            logging.warning("started anew: %r", decision)
            stopping.wait(0.1)


if __name__ == "__main__":
    main(*sys.argv[1:])
