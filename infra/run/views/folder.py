"""Where a member keeps its tables: held by one process, opened for the topics as they are, forgotten on request."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

from connectors.settings import Settings
from infra.run.views.logs import Logs
from streams.topology import VIEWS
from streams.views.tables import Decode, OtherTablesError, Tables

log = logging.getLogger("ringback.views")


class AnotherWorkerError(Exception):
    """Another process uses this member's tables."""


def folder_of(settings: Settings) -> Path:
    """Where a member keeps its tables."""
    return Path(settings.state_dir) / settings.member_id() / VIEWS.name


def tables_folder(folder: Path) -> Path:
    return folder / "tables"


def open_tables(folder: Path, decode: Decode, logs: Logs) -> Tables:
    """The tables of these very topics, none of them before the beginning of its log; begun anew when what lies in
    `folder` is of others. They belong to the thread that calls this. Raises lmdb.Error."""
    path = tables_folder(folder)
    tables = Tables(path, decode)
    try:
        tables.belong_to(logs.ids)
    except OtherTablesError as error:
        log.warning("%s: begun anew", error)
        tables.close()
        shutil.rmtree(path)
        tables = Tables(path, decode)
        tables.belong_to(logs.ids)
    for place, offset in logs.begins.items():
        tables.begin(place, offset)
    return tables


def forget(settings: Settings) -> bool:
    """Remove a member's tables, so that they are read anew from the topics; was there anything?

    Raises AnotherWorkerError while a worker uses them.
    """
    folder = folder_of(settings)
    with only_one(folder):
        path = tables_folder(folder)
        found = path.exists()
        shutil.rmtree(path, ignore_errors=True)
        return found


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder for this process. Raises AnotherWorkerError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherWorkerError(f"another process runs views in {folder}") from None
        yield
