"""A text that is made once: who comes first chooses, and nobody reads less than all of it."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from connectors.kept_file import made_once
from infra.generated import ROOT

RACERS, ROUNDS = 4, 200

# Says that it is there, waits for the word, then asks for one file after the other and says what each holds.
RACER = f"""
import sys
from pathlib import Path
from connectors.kept_file import made_once

print(flush=True)
sys.stdin.readline()
for n in range({ROUNDS}):
    print(made_once(Path(sys.argv[1]) / str(n), sys.argv[2] + "-" * 10_000))
"""


@pytest.fixture
def lax_umask() -> Iterator[None]:
    """One that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_text_stays(tmp_path: Path) -> None:
    """Who asks later has it too, and nothing else lies in the folder, which was made as well."""
    kept = tmp_path / "state" / "ringback" / "id"
    assert made_once(kept, "one") == "one"
    assert made_once(kept, "two") == "one"
    assert [path.name for path in kept.parent.iterdir()] == ["id"]
    assert kept.read_text() == "one\n"


def test_threads_that_race_get_the_same_text(tmp_path: Path) -> None:
    """All of them have passed the barrier before any has made the file."""
    for n in range(ROUNDS):
        together = Barrier(RACERS)

        def ask(name: str, kept: Path = tmp_path / str(n), together: Barrier = together) -> str:
            together.wait(10)
            return made_once(kept, name)

        with ThreadPoolExecutor(RACERS) as pool:
            found = set(pool.map(ask, "abcd"))
        assert len(found) == 1
        assert found <= set("abcd")


def test_processes_that_race_get_the_same_text(tmp_path: Path) -> None:
    """Of many files, as many processes at once; and all of each."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for name in "abcd"
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    found = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * RACERS
    assert found[1:] == found[:1] * (RACERS - 1)
    assert len(found[0]) == ROUNDS
    assert {len(text) for text in found[0]} == {10_001}
    assert len(list(tmp_path.iterdir())) == ROUNDS


@pytest.mark.usefixtures("lax_umask")
def test_a_secret_is_its_owners_alone_under_a_lax_umask(tmp_path: Path) -> None:
    """And of whom no mode was asked is like any other file."""
    made_once(tmp_path / "secret", "s", 0o600)
    made_once(tmp_path / "plain", "p")
    assert (mode_of(tmp_path / "secret"), mode_of(tmp_path / "plain")) == (0o600, 0o666)


@pytest.mark.usefixtures("lax_umask")
def test_a_file_has_its_name_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is about to be named has all of its text, and nobody else could ever read it."""
    about_to_be_named, link = [], os.link

    def watched(source: Path, target: Path) -> None:
        about_to_be_named.append((source.read_text(), mode_of(source), target.exists()))
        link(source, target)

    monkeypatch.setattr(os, "link", watched)
    made_once(tmp_path / "id", "all of it", 0o600)
    assert about_to_be_named == [("all of it\n", 0o600, False)]


def test_a_text_that_does_not_reach_the_disk_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full: that is raised, and the next who asks makes the file."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            made_once(tmp_path / "id", "one")
    assert list(tmp_path.iterdir()) == []
    assert made_once(tmp_path / "id", "two") == "two"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """A file stands where the folder should be, or above it."""
    (tmp_path / "file").touch()
    for kept in (tmp_path / "file" / "id", tmp_path / "file" / "folder" / "id"):
        with pytest.raises(OSError, match=r"File exists|Not a directory"):
            made_once(kept, "one")


def test_a_folder_in_the_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    """Its name is taken, and there is nothing to read; what was prepared is gone."""
    (tmp_path / "id").mkdir()
    with pytest.raises(IsADirectoryError):
        made_once(tmp_path / "id", "one")
    assert [path.name for path in tmp_path.iterdir()] == ["id"]
