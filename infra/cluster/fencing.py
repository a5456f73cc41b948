"""A node that was killed is still registered, as the leader of all it led. One that is alone must not believe that.

Broker and controller of a one-node cluster die together, so nobody takes its leaderships from it. Started at once, it
finds itself leader in its own metadata, loads its transactions and ends the open ones; the markers cannot be sent yet,
as it does not listen yet. When its old session runs out it loses the leaderships for a moment, and Kafka 4.3 counts
markers for a partition without a leader as sent. Such a transaction is over for its coordinator and open for ever in
the partition: nobody reads on, and nobody gets the group's committed offsets.

So after an unclean end the controller runs alone first, until it has fenced the dead broker. Two nodes or more need
none of this: what an isolated node decides is not acknowledged by the others, and void.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from infra.cluster.broker import write_properties
from infra.cluster.errors import ChildFailed
from infra.cluster.process import ChildProcess

SETTINGS = "fencing.properties"
POLL_S = 0.02
DEADLINE_S = 60.0
# A controller that is active for so long without fencing has none to fence: the broker was killed while it started.
# Ten sessions.
QUIET_S = 2.0
STOP_S = 10.0


def ended_uncleanly(node_folder: Path) -> bool:
    """Did the node run before, and end without saying so?"""
    data = node_folder / "data"
    return (data / "__cluster_metadata-0").exists() and not (data / ".kafka_cleanshutdown").exists()


def write_settings(node_folder: Path, properties: dict[str, str]) -> None:
    """The node's settings without its broker, and with a short session for it."""
    settings = {
        **properties,
        "process.roles": "controller",
        "listeners": properties["listeners"].rpartition(",")[2],
        "broker.session.timeout.ms": "200",
        "broker.heartbeat.interval.ms": "100",
    }
    del settings["advertised.listeners"], settings["inter.broker.listener.name"]
    write_properties(node_folder / SETTINGS, settings)


def fence_dead_broker(node_folder: Path, start_controller: Callable[[], ChildProcess]) -> None:
    """Run the controller until it says that the broker is fenced. It has no other protocol for that that we speak,
    so its log is read. Raises ChildFailed."""
    log = node_folder / "logs" / "server.log"
    seen = log.stat().st_size if log.exists() else 0
    controller = start_controller()
    end_s = time.monotonic() + DEADLINE_S
    active_s: float | None = None
    try:
        while b"handleBrokerFenced" not in (said := _said(log, seen)):
            now_s = time.monotonic()
            if active_s is None and b"Performing controller activation" in said:
                active_s = now_s
            if active_s is not None and now_s > active_s + QUIET_S:
                return
            if not controller.running:
                return  # it cannot start: nor can the broker, which then says why
            if now_s > end_s:
                raise ChildFailed(
                    f"{controller.name} does not come up to fence its broker:\n{controller.tail()}"
                )
            time.sleep(POLL_S)
    finally:
        controller.stop(STOP_S)


def _said(log: Path, seen: int) -> bytes:
    """What the log has had since; a log that was rolled is all new."""
    if not log.exists():
        return b""
    with log.open("rb") as file:
        if seen <= log.stat().st_size:
            file.seek(seen)
        return file.read()
