"""One process of a subject: started, ended and started again, its CPU time counted over all its lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.bench.timers import cost
from infra.bench.timers.subject import Unavailable
from infra.cluster import ChildProcess


class MeteredProcess:
    """At most one life at a time; `name` is what it is called in messages."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._child: ChildProcess | None = None
        self._spent_s = 0.0

    @property
    def started(self) -> bool:
        """Was it started, and not ended by us? It may have died by itself."""
        return self._child is not None

    def start(
        self,
        command: Sequence[str | Path],
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Raises what `ChildProcess.spawn` raises."""
        self._child = ChildProcess.spawn(list(command), name=self.name, log=log, cwd=cwd, env=env)

    def end(self, grace_s: float | None = None) -> None:
        """SIGTERM, and SIGKILL after `grace_s`; at once without. Nothing when it does not run."""
        child, self._child = self._child, None
        if child is None:
            return
        if child.running:
            self._spent_s += cost.cpu_s(child.pid)
        if grace_s is None:
            child.kill()
        else:
            child.stop(grace_s)

    def running(self) -> ChildProcess:
        """Raises Unavailable, with the end of its log, when it does not run."""
        if self._child is None or not self._child.running:
            raise Unavailable(f"{self.name} does not run\n{self._child.tail() if self._child else ''}")
        return self._child

    def cpu_s(self) -> float:
        """Of all its lives. Raises Unavailable."""
        return self._spent_s + cost.cpu_s(self.running().pid)

    def cost(self, state: Path | None = None) -> cost.Cost:
        """With what the folder `state` takes on disk. Raises Unavailable."""
        disk_bytes = cost.disk_bytes(state) if state is not None else 0
        return cost.of_process(self.running().pid) + cost.Cost(self._spent_s, 0, 0, disk_bytes)
