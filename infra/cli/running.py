"""How a command in another shell finds the `ringback up` that runs here, without any setting.

`up` and `demo` keep a file open and locked as long as they live: a lock ends with its process, however that
ended, so a file whose lock can be taken is a dead one's. One file lies in the user's state folder, so that
nothing needs to be named; `up --dir D` writes a copy into D for people and scripts to read.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connectors.settings import default_state_dir


@dataclass(frozen=True, slots=True)
class Running:
    """A live `up` or `demo`: where it keeps its things and the environment for commands that talk to it."""

    command: str
    dir: str
    environment: dict[str, str]


def _folder() -> Path:
    return Path(default_state_dir()) / "running"


@contextlib.contextmanager
def announced(running: Running) -> Iterator[None]:
    """Let others find us for as long as the block lasts. The file holds a token: only its owner may read it."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}.json"
    text = json.dumps(
        {"command": running.command, "dir": running.dir, "environment": running.environment}, indent=1
    )
    copy = Path(running.dir) / "running.json"
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123 - mode
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(text)
        file.flush()
        with open(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as other:  # noqa: PTH123
            other.write(text)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            copy.unlink(missing_ok=True)


def settings_of_running_up() -> Running | None:
    """The `up` or `demo` of this user that was started last and still runs."""
    with contextlib.suppress(FileNotFoundError):
        files = sorted(_folder().glob("*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
        for path in files:
            if (running := _read_live(path)) is not None:
                return running
    return None


def _read_live(path: Path) -> Running | None:
    with contextlib.suppress(OSError, ValueError, KeyError), path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            found = json.load(file)
            return Running(found["command"], found["dir"], dict(found["environment"]))
        path.unlink(missing_ok=True)
    return None
