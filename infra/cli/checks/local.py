"""What lies on this machine: the state folder and the member's id."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from connectors.settings import Settings
from infra.cli.checks import Finding


def state(settings: Settings) -> Iterator[Finding]:
    folder = Path(settings.state_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            os.fsync(file.fileno())
        member = settings.member_id()
    except OSError as error:
        advice = "point RINGBACK_STATE_DIR at a folder of this user, one for each member"
        yield Finding("state", "fail", f"{folder} cannot be written: {error.strerror}", advice)
        return
    free = os.statvfs(folder)
    free_mb = free.f_bavail * free.f_frsize // 1_000_000
    if free_mb < 1_000:
        yield Finding("state", "warn", f"{folder} has {free_mb} MB left", "stores stop when the disk is full")
    yield Finding("state", "ok", f"{folder} is writable, this member is {member}")
