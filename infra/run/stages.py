"""Members of stages, in threads of this process: started, started anew when fenced, drained on request."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from confluent_kafka import KafkaException

from connectors.kafka.browse import UnknownTopicError
from connectors.kafka.clients import KafkaClients
from connectors.kafka.tables import TenantsTable
from connectors.kafka.topics import admin_client, find
from connectors.metrics import Books, LoopMetrics, PrometheusMetrics
from connectors.settings import Settings
from infra.run.health import HealthServer
from infra.run.memory import GiveBack
from infra.run.processors import NEEDS_CARRIER, make_controls, make_hands, make_processor
from infra.run.stopping import HANDS_S, JOIN_S
from schemas.registry import Codec
from streams.control.account import AccountControls, show
from streams.metrics import METRICS
from streams.reminders import conservation
from streams.runtime.clock import SystemClock
from streams.runtime.deadline import Deadline
from streams.runtime.effects import Hands
from streams.runtime.errors import LoopError
from streams.runtime.loop import Loop, LoopSettings
from streams.runtime.wire import Wire
from streams.topology import REMINDERS, REQUESTS, STAGES
from streams.views.metrics import WITH_VIEWS

log = logging.getLogger("ringback.run")

# A member that was fenced is started anew; one that is fenced again and again waits longer each time.
RESTART_MIN_S, RESTART_MAX_S = 0.2, 5.0
HEALTHY_AFTER_S = 30.0
# A loop that has not moved for so long hangs. The longest that one waits by design: 15 s for committed offsets
# when partitions are assigned, or 5 s for the end of the tenants table in each partition that must know it.
STILL_S = 60.0
SWITCH_S = 0.0005

MakeLoop = Callable[[], Loop]


class Runs(Protocol):
    """What this process starts, watches, and stops."""

    name: str

    @property
    def ready(self) -> bool: ...

    @property
    def alive(self) -> bool: ...

    @property
    def held(self) -> dict[str, str]:
        """What stands still (`stage:partition`, `views`) -> why."""

    def start(self) -> None: ...

    def ask_to_stop(self) -> None: ...

    def join(self, timeout_s: float) -> bool: ...


MakeBeside = Callable[[PrometheusMetrics, threading.Event], Runs]


class Member:
    """One member of one group, in a thread of its own, restarted clean whenever it is fenced or fails; `restarted` is
    told each time."""

    def __init__(
        self, name: str, make_loop: MakeLoop, stop: threading.Event, restarted: Callable[[], None]
    ) -> None:
        self.name = name
        self._restarted = restarted
        self._make_loop = make_loop
        self._stop = stop
        self._loop: Loop | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    @property
    def ready(self) -> bool:
        return self._loop is not None and self._loop.ready

    @property
    def held(self) -> dict[str, str]:
        """`stage:partition` -> why it stands still."""
        return self._loop.partitions.held if self._loop is not None else {}

    @property
    def alive(self) -> bool:
        """Has its loop moved within STILL_S? It may also be on its way to be started anew."""
        loop = self._loop
        return self._thread.is_alive() and (loop is None or loop.still_s < STILL_S)

    def start(self) -> None:
        self._thread.start()

    def ask_to_stop(self) -> None:
        if self._loop:
            self._loop.stop()

    def join(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        clock = SystemClock()
        wait_s = RESTART_MIN_S
        while not self._stop.is_set():
            started_s = clock.monotonic_s()
            try:
                self._loop = self._make_loop()
                if self._stop.is_set():
                    return
                self._loop.run()
                return
            except LoopError as decision:
                log.warning("%s is started anew: %s", self.name, decision)
            except KafkaException as error:
                log.warning("%s is started anew: %s", self.name, error)
            except Exception:
                log.exception("%s failed and is started anew", self.name)
            self._restarted()
            if clock.monotonic_s() - started_s > HEALTHY_AFTER_S:
                wait_s = RESTART_MIN_S
            self._stop.wait(wait_s)
            wait_s = min(wait_s * 2, RESTART_MAX_S)


def run_stages(
    names: list[str],
    settings: Settings,
    members: int,
    http_port: int | None,
    stop: threading.Event,
    loop_settings: Callable[[str, Path], LoopSettings] = LoopSettings,
    beside: MakeBeside | None = None,
) -> int:
    """Run `members` members of each stage until `stop` is set; 0 when all of them finished in time, else 1.

    `beside` makes what else is to run in this process, as long as the stages do. `loop_settings` makes the bounds of
    a loop from its member id and its state folder. Raises SettingsError for what is missing, KafkaException when the
    broker is not there at the start, UnknownTopicError.
    """
    if not any(name in NEEDS_CARRIER for name in names):
        # A thread whose call into the client library returns waits so long for a loop that is busy with what can wait;
        # by Python's default 5 ms. Beside hands that are as busy as the loop it would cost a tenth more CPU a call.
        sys.setswitchinterval(SWITCH_S)
    config = settings.kafka_config()
    if any(name in NEEDS_CARRIER for name in names):
        settings.require("redis_url", "twilio_account_sid", "twilio_auth_token", "public_url")
    clients = KafkaClients(config.pop("bootstrap.servers"), config, settings.group_protocol)
    metrics = PrometheusMetrics(METRICS if beside is None else WITH_VIEWS)
    also = [beside(metrics, stop)] if beside is not None else []
    codec = Codec(settings.schema_registry_url)
    clock = SystemClock(settings.clock_tolerance_s, metrics=metrics)
    books = Books(metrics, clock.now_ms)
    metrics.before_page(books.show)
    member_id = settings.member_id()
    with GiveBack(), TenantsTable(settings.kafka_config(), codec).start() as tenants:
        partitions = _partitions_of_users(settings) if REMINDERS.name in names else 1
        all_hands: list[Hands] = []
        all_controls: list[AccountControls] = []
        metrics.before_page(lambda: show(metrics, all_controls, clock.now_ms()))

        def loop_of(stage: str, number: int) -> MakeLoop:
            name = member_id if number == 0 else f"{member_id}-{number}"
            settings_of_loop = replace(
                loop_settings(name, Path(settings.state_dir) / name),
                standby=settings.standby == "on",
                leaves=settings.on_stop == "leave",
            )
            controls = make_controls(stage, settings, metrics, name)
            if controls is not None:
                all_controls.append(controls)
            hands = make_hands(stage, settings, clock, metrics, controls)
            all_hands.append(hands)
            return lambda: Loop(
                STAGES[stage],
                make_processor(stage, settings, tenants, partitions, controls),
                clients=clients,
                codec=Wire(settings.schema_registry_url),
                clock=clock,
                hands=hands,
                telemetry=LoopMetrics(metrics, books, stage),
                settings=settings_of_loop,
                audit=conservation.audit if stage == REMINDERS.name else None,
            )

        crew: list[Runs] = [
            Member(
                f"{stage}-{number}",
                loop_of(stage, number),
                stop,
                partial(metrics.inc, "ringback_loop_restarts_total", stage=stage),
            )
            for stage in names
            for number in range(members)
        ]
        crew += also
        health = (
            HealthServer(http_port, crew, metrics, lambda: _filling(all_hands), lambda: held_by(crew))
            if http_port is not None
            else None
        )
        for member in crew:
            member.start()
        log.info("running %s, %d member(s) each, as %s", " ".join(names), members, member_id)
        stop.wait()
        log.info("draining: finishing what is in hand")
        for member in crew:
            member.ask_to_stop()
        deadline = Deadline(JOIN_S)
        finished = [member.join(deadline.left_s()) for member in crew]
        deadline = Deadline(HANDS_S)
        for hands in all_hands:
            hands.close(deadline.left_s())
        if health:
            health.close()
        return 0 if all(finished) else 1


def _filling(all_hands: list[Hands]) -> dict[str, Any]:
    """The partitions whose gate is being filled after its server has lost it, and how far that is."""
    found: dict[str, Any] = {}
    for hands in all_hands:
        progress = getattr(hands, "filling", None)
        if progress is not None:
            found |= progress.under_way()
    return found


def held_by(crew: Iterable[Runs]) -> dict[str, str]:
    """What stands still in a process, of stages and of what runs beside them, and why."""
    return {at: why for member in crew for at, why in member.held.items()}


def _partitions_of_users(settings: Settings) -> int:
    """How many partitions hold the users, which is fixed for the life of the topics: the tenants' caps are divided by
    it. Raises KafkaException, UnknownTopicError."""
    found = find(admin_client(settings.kafka_config()), [REQUESTS.name])
    if not found:
        raise UnknownTopicError(REQUESTS.name)
    return found[REQUESTS.name].partitions
