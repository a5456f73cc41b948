"""A member's folder: one process at a time, and tables of the topics as they are now."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.settings import Settings
from infra.run.views.folder import AnotherWorkerError, folder_of, forget, only_one, open_tables, tables_folder
from infra.run.views.logs import Logs
from streams.views.tables import Batch
from tests.unit.views.feeding import decode

PLACE = ("reminders.events", 0)


def logs(begin: int, topic_id: str = "first") -> Logs:
    return Logs({PLACE[0]: topic_id}, {PLACE: begin}, {PLACE: 100})


def read_up_to(folder: Path, end: int) -> None:
    tables = open_tables(folder, decode, logs(0))
    tables.apply(Batch(*PLACE, 0, end, []))
    tables.commit(0)
    tables.close()


@pytest.mark.parametrize(("begin", "goes_on_at"), [(0, 7), (7, 7), (9, 9)])
def test_reading_goes_on_where_it_was_unless_that_is_deleted(
    tmp_path: Path, begin: int, goes_on_at: int
) -> None:
    """Seeking before the log's beginning would have the broker choose where to read."""
    read_up_to(tmp_path, 7)
    tables = open_tables(tmp_path, decode, logs(begin))
    assert tables.next(PLACE) == goes_on_at
    tables.close()


def test_tables_of_a_topic_that_was_made_anew_are_begun_anew(tmp_path: Path) -> None:
    """Its offsets mean other records: what was summed of the old ones must not be added to."""
    read_up_to(tmp_path, 7)
    for _ in range(2):  # found the same by the next start
        tables = open_tables(tmp_path, decode, logs(0, "second"))
        assert tables.next(PLACE) == 0
        tables.commit(0)
        tables.close()


def test_tables_that_a_process_uses_are_not_forgotten(tmp_path: Path) -> None:
    """Removed beneath a worker, they would be answered from until it ends, and then be gone."""
    settings = Settings(state_dir=str(tmp_path))
    folder = folder_of(settings)
    with only_one(folder):
        read_up_to(folder, 7)
        with pytest.raises(AnotherWorkerError):
            forget(settings)
        assert tables_folder(folder).exists()
    assert forget(settings)
    assert not forget(settings), "there is nothing left"
