"""`ringback run views`, alone or beside stages, until it is told to stop."""

from __future__ import annotations

import logging
import threading

from connectors.metrics import PrometheusMetrics
from connectors.repeats import OnceInAWhile
from connectors.settings import Settings
from infra.run.health import HealthServer
from infra.run.stopping import JOIN_S
from infra.run.views.folder import folder_of, only_one
from infra.run.views.logs import logs_now
from infra.run.views.member import ViewsMember
from streams.views.metrics import VIEWS_METRICS

log = logging.getLogger("ringback.views")

# They tell of each try, and try ten times a second while a broker is away.
CLIENT = tuple(
    f"aiokafka{part}" for part in ("", ".conn", ".consumer.fetcher", ".consumer.group_coordinator")
)


def run_with_views(
    names: list[str], settings: Settings, members: int, http_port: int | None, stop: threading.Event
) -> int:
    """A worker of the read models, alone or beside members of stages, until `stop` is set; as `run_stages`.

    Raises what that does, and OSError when the worker's port is taken, AnotherWorkerError.
    """
    for library in ("faust", "mode", "aiokafka", "uvicorn", "connectors.views.consumer"):
        logging.getLogger(library).setLevel(logging.WARNING)  # a start of theirs is forty lines
    for library in CLIENT:
        logging.getLogger(library).addFilter(OnceInAWhile())
    with only_one(folder_of(settings)):
        if names:
            from infra.run.stages import run_stages

            def beside(metrics: PrometheusMetrics, stop: threading.Event) -> ViewsMember:
                return ViewsMember(settings, metrics, stop)

            return run_stages(names, settings, members, http_port, stop, beside=beside)
        return _alone(settings, http_port, stop)


def _alone(settings: Settings, http_port: int | None, stop: threading.Event) -> int:
    logs_now(settings.kafka_config())  # what is missing is said at once, and not tried again for ever
    metrics = PrometheusMetrics(VIEWS_METRICS)
    member = ViewsMember(settings, metrics, stop)
    health = (
        HealthServer(http_port, [member], metrics, held=lambda: member.held)
        if http_port is not None
        else None
    )
    member.start()
    stop.wait()
    log.info("stopping")
    member.ask_to_stop()
    finished = member.join(JOIN_S)
    if health:
        health.close()
    return 0 if finished else 1
