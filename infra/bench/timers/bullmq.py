"""The peer BullMQ: delayed jobs in Valkey, a node worker (bullmq/timers.mjs). Append-only file, fsync each second.

Who enqueues is a client and not counted; the worker and the server are.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

from infra.bench.timers import cost
from infra.bench.timers.load import Load, parse_subject
from infra.bench.timers.process import MeteredProcess
from infra.bench.timers.subject import Fired, Unavailable
from infra.bench.timers.waiting import until
from infra.cluster import RequirementMissing
from infra.cluster.cache import cache_folder
from infra.cluster.ports import lease_port
from infra.cluster.readiness import wait_for_valkey
from infra.cluster.valkey import find_valkey

SOURCE = Path(__file__).with_name("bullmq")
INSTALL_S = 180
READY_S = 30.0
STOP_S = 20.0


def installed() -> Path:
    """A folder with the script and its modules, made once for each state of the source. Raises Unavailable."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing:
        raise Unavailable(f"needs {' and '.join(missing)}")
    files = sorted(file for file in SOURCE.iterdir() if file.is_file())
    state = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = cache_folder() / "bench" / f"bullmq-{state}"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(file, folder)
        made = subprocess.run(
            # Not `npm ci`: it wants every platform's optional parts in the lock, and we want none of them.
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
        if made.returncode:
            raise Unavailable(f"npm failed: {made.stderr.strip()[-500:]}")
        (folder / "installed").touch()
    return folder


class BullMQ:
    """One Valkey server, one worker."""

    name = "bullmq"
    keeps_backlog = False

    def __init__(self, folder: Path) -> None:
        self._modules = installed()
        try:
            self._valkey = find_valkey()
        except RequirementMissing as why:
            raise Unavailable(str(why)) from why
        self._folder = folder / self.name
        self._lease = lease_port(None)
        self._server = MeteredProcess("bullmq-valkey")
        self._worker = MeteredProcess(self.name)
        self._client: Client | None = None

    @property
    def _fired(self) -> Path:
        return self._folder / "fired.log"

    def clean(self) -> None:
        self.close_processes()
        shutil.rmtree(self._folder, ignore_errors=True)
        (self._folder / "data").mkdir(parents=True)
        self._fired.touch()
        self._server.start(
            [
                *(self._valkey, "--port", str(self._lease.port), "--bind", "127.0.0.1", "--save", ""),
                *("--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"),
            ],
            log=self._folder / "valkey.log",
            cwd=self._folder / "data",
        )
        wait_for_valkey(self._server.running(), self._lease.port, READY_S)
        self._client = Client(self._modules, self._lease.port)

    def start(self) -> None:
        self._worker.start(
            ["node", "timers.mjs", "work", str(self._lease.port), self._fired],
            log=self._folder / "out.log",
            cwd=self._modules,
        )

    def stop(self) -> None:
        self._worker.end(STOP_S)

    def kill(self) -> None:
        self._worker.end()

    def wipe(self) -> None:
        raise Unavailable("its files are the truth, not a copy")

    def close(self) -> None:
        self.close_processes()
        self._lease.release()

    def close_processes(self) -> None:
        self._worker.end()
        if self._client is not None:
            self._client.close()
            self._client = None
        self._server.end()

    def enqueue(self, load: Load, timers: Iterable[int]) -> None:
        assert self._client is not None
        self._client.add(load, timers)

    def accepted(self) -> int:
        for process in self._processes():
            process.running()
        assert self._client is not None
        return self._client.acknowledged

    def watch(self) -> FileWatch:
        return FileWatch(self._fired)

    def cost(self) -> cost.Cost:
        found = cost.Cost(0.0, 0, 0, cost.disk_bytes(self._folder / "data"))
        for process in self._processes():
            found += process.cost()
        return found

    def cpu_s(self) -> float:
        return sum(process.cpu_s() for process in self._processes())

    def _processes(self) -> list[MeteredProcess]:
        """Those that should run now: jobs are also added while there is no worker."""
        return [process for process in (self._server, self._worker) if process.started]


class Client:
    """The process that adds jobs; it ends with us, as its stdin does."""

    def __init__(self, modules: Path, port: int) -> None:
        self._process = subprocess.Popen(
            ["node", "timers.mjs", "add", str(port)],
            cwd=modules,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.acknowledged = 0
        self._asked = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def add(self, load: Load, timers: Iterable[int]) -> None:
        assert self._process.stdin is not None
        for timer in timers:
            self._process.stdin.write(f"{load.due_at[timer]} {load.subject(timer)}\n")
            self._asked += 1
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        until(lambda: self.acknowledged >= self._asked, "BullMQ did not take the jobs", 600.0)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._thread.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.acknowledged = int(line)


class FileWatch:
    """`Watch` over the lines that the worker writes: it is the consumer, so its time is the time of receipt."""

    def __init__(self, file: Path) -> None:
        self._file = file.open()
        self._file.seek(0, 2)
        self._lines: list[str] = []
        self._rest = ""

    @property
    def count(self) -> int:
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        self._lines += lines
        return len(self._lines)

    def fired(self) -> list[Fired]:
        return [_fired(line) for line in self._lines[: self.count]]

    def close(self) -> None:
        self._file.close()


def _fired(line: str) -> Fired:
    received, due_at, subject = line.split()
    return Fired(float(received), int(received), *parse_subject(subject), int(due_at))
