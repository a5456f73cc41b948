"""A real schema registry on this machine: Apicurio, which answers Confluent's API. For the tests that need one."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from infra.cluster.artifacts import Progress, ensure, read_lock
from infra.cluster.broker import environment
from infra.cluster.cache import cache_folder, locked
from infra.cluster.errors import ChildFailed, FetchFailed
from infra.cluster.java import find_java
from infra.cluster.ports import PortLease, lease_port
from infra.cluster.process import ChildProcess

PREFERRED_PORT = 8081
READY_DEADLINE_S = 90.0
STOP_DEADLINE_S = 10.0
POLL_S = 0.1
HEAP_MB = 256


class SchemaRegistry:
    """A running registry, empty at its start: it keeps schemas in memory. Made by `start`.

    `url` is what a Confluent client takes as `SCHEMA_REGISTRY_URL`.
    """

    def __init__(self, process: ChildProcess, lease: PortLease) -> None:
        self._process, self._lease = process, lease
        self.url = f"http://127.0.0.1:{lease.port}/apis/ccompat/v7"

    @classmethod
    def start(
        cls, folder: Path, *, progress: Progress = lambda _message: None, timeout_s: float = READY_DEADLINE_S
    ) -> SchemaRegistry:
        """Fetch it if needed, start it with its log in `folder`, and return when it lists its subjects.

        Raises RequirementMissing, FetchFailed, ChildFailed (with the end of the log).
        """
        java = find_java()
        program = _unpacked(progress)
        lease = lease_port(PREFERRED_PORT)
        try:
            command: list[str | Path] = [
                java.executable,
                f"-Xmx{HEAP_MB}m",
                "-XX:TieredStopAtLevel=1",  # it lives for a few tests: start time counts, not speed
                "-XX:-UsePerfData",
                "-Dquarkus.http.host=127.0.0.1",
                f"-Dquarkus.http.port={lease.port}",
                "-jar",
                program,
            ]
            process = ChildProcess.spawn(
                command,
                name="schema registry",
                log=folder.resolve() / "registry.log",
                env=environment(),
                kept_fds=[lease.fd],
            )
        except BaseException:
            lease.release()
            raise
        registry = cls(process, lease)
        try:
            registry._wait_ready(timeout_s)
        except BaseException:
            registry.stop()
            raise
        return registry

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self, timeout_s: float = STOP_DEADLINE_S) -> None:
        """Stop it, and lose its schemas. Safe to call again."""
        self._process.stop(timeout_s)
        self._lease.release()

    def __enter__(self) -> SchemaRegistry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_ready(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({})
        )  # loopback: never through a proxy
        while True:
            try:
                with opener.open(f"{self.url}/subjects", timeout=2.0):
                    return
            except urllib.error.HTTPError as error:
                error.close()
            except OSError:
                pass
            if not self._process.running or time.monotonic() > deadline:
                state = "was not ready in time" if self._process.running else "ended"
                raise ChildFailed(f"the schema registry {state}; its log ends:\n{self._process.tail()}")
            time.sleep(POLL_S)


def _unpacked(progress: Progress) -> Path:
    """The registry's runnable jar in the cache, unpacked once. Raises FetchFailed."""
    archive_folder = ensure("registry", progress)
    archive = archive_folder / read_lock("registry").artifacts[0].filename
    target = cache_folder() / f"{archive_folder.name}-unpacked"
    if not target.exists():
        with locked(target.with_suffix(".lock"), waiting=lambda: progress("waiting for another unpacking")):
            if not target.exists():
                staging = Path(tempfile.mkdtemp(prefix=f"{target.name}.part-", dir=target.parent))
                try:
                    with tarfile.open(archive) as tar:
                        tar.extractall(staging, filter="data")
                    staging.rename(target)
                except (OSError, tarfile.TarError) as error:
                    raise FetchFailed(f"the schema registry could not be unpacked: {error}") from error
                finally:
                    shutil.rmtree(staging, ignore_errors=True)
    jars = list(target.glob("*-runner.jar"))
    if len(jars) != 1:
        raise FetchFailed(f"{target} holds no registry; delete it, and it is unpacked again")
    return jars[0]
