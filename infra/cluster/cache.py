"""The folder of this user's machine where fetched and derived files live, and locks between processes.

Everything in it can be deleted at any time while nothing runs; it is fetched or made again.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.cluster.errors import ClusterError

LOCK_POLL_S = 0.1


def cache_folder() -> Path:
    """`ringback` inside the user's cache folder: `$XDG_CACHE_HOME`, macOS' `~/Library/Caches`, or `~/.cache`.

    It is created if needed. Raises ClusterError when it cannot be written.
    """
    configured = os.environ.get("XDG_CACHE_HOME", "")
    if Path(configured).is_absolute():  # the XDG base directory specification: ignore a relative one
        base = Path(configured)
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path.home() / ".cache"
    folder = base / "ringback"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClusterError(
            f"the cache folder {folder} cannot be made ({error.strerror}); set XDG_CACHE_HOME to a folder of yours"
        ) from error
    return folder


def try_lock(path: Path) -> int | None:
    """Take the exclusive lock on `path` without waiting: an open descriptor that holds it, or None.

    Locks are `flock(2)`: they belong to the open file, so they end with the last process that has the descriptor,
    `kill -9` included, and no stale lock is ever left.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


@contextmanager
def locked(path: Path, *, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the exclusive lock on `path`; `waiting` is called once if another process has it now.

    Waits for as long as the other one lives, and stays open to Ctrl-C meanwhile.
    """
    fd = try_lock(path)
    if fd is None and waiting is not None:
        waiting()
    while fd is None:
        time.sleep(LOCK_POLL_S)
        fd = try_lock(path)
    try:
        yield
    finally:
        os.close(fd)
