"""`python -m infra.bench`: what all benchmarks promise to who types them: exit codes, --json, a quick --help."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import click
import pytest
from click.testing import CliRunner

import infra.bench
from infra.bench.__main__ import bench
from infra.bench.options import counts
from infra.bench.reporting import end, report, telling
from infra.bench.timers.command import PEERS, TIGHT, WORKS
from infra.bench.timers.run import WORKS as MEASURED
from infra.bench.timers.run import Report


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("timers --scale huge", "'small', 'medium', 'full'"),
        ("timers --work W9", "'W9'"),
        ("timers --pending 10k", "'10k' is not counts with commas between, as 10000,100000"),
        ("timers --nodes 2", "'1', '3'"),
        ("scaling --members 1,x", "'1,x' is not counts with commas between, as 1,4,2"),
        ("scaling --protocol new", "'classic', 'consumer'"),
        ("calls --number 5", "x>=1000"),
        ("speed", "'speed'"),
    ],
)
def test_wrong_use_is_exit_code_2_and_named(arguments: str, named: str) -> None:
    """On stderr, with what would have been right, before anything is started."""
    done = CliRunner().invoke(bench, arguments.split())
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Usage: " in done.stderr
    assert named in done.stderr


def test_every_folder_with_a_command_is_gathered() -> None:
    """Under the folder's name: who adds one and forgets `__main__.py` is told here."""
    folders = {file.parent.name for file in Path(infra.bench.__path__[0]).glob("*/command.py")}
    assert set(bench.commands) == folders


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in bench.commands)])
def test_help_imports_nothing_that_is_measured(arguments: list[str]) -> None:
    """Clients, codecs and the cluster are what would make it slow."""
    code = f"""
import sys
from infra.bench.__main__ import bench
bench({arguments}, standalone_mode=False)
print(sorted(sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("Usage: ")
    heavy = (
        "confluent_kafka",
        "fastavro",
        "lmdb",
        "aiohttp",
        "matplotlib",
        "infra.cluster",
        "streams.runtime",
    )
    assert not [name for name in heavy if f"'{name}'" in done.stderr]


def test_counts_come_as_typed_and_nonsense_is_shown() -> None:
    """Spaces do not matter, the order stays; what is no number is told with an example."""
    assert counts("1, 4,2", "1,4,2") == (1, 4, 2)
    for text in ("10k", "", ",", "-1"):
        with pytest.raises(click.BadParameter, match=f"'{text}' is not counts .* as 1,4,2"):
            counts(text, "1,4,2")


def test_pending_counts_are_measured_each_once_the_smallest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """And without a word all works are asked of all peers but the tight one, without any count."""
    asked = []

    def run(works: list[str], peers: list[str], *_: object, pending: tuple[int, ...], **__: object) -> Report:
        asked.append((works, peers, pending))
        return Report()

    monkeypatch.setattr("infra.bench.timers.run.run", run)
    for arguments in (["--pending", "1000, 10,10", "--peer", TIGHT, "--work", "W2"], []):
        assert CliRunner().invoke(bench, ["timers", *arguments]).exit_code == 0
    assert asked == [(["W2"], [TIGHT], (10, 1000)), (WORKS, PEERS, ())]
    assert list(MEASURED) == WORKS, "the works that can be asked for are those that there are"


def test_json_of_the_quickest_benchmark_is_one_object_on_stdout() -> None:
    """Not made up: the codec is measured. Its verdict is that of the machine; the exit code follows it."""
    done = CliRunner().invoke(bench, ["codec", "--json"])
    found = json.loads(done.stdout)
    assert {row["name"] for row in found["rows"]} == {"write", "read"}
    assert done.exit_code == (0 if found["fine"] else 1)


@pytest.mark.parametrize("as_json", [True, False])
def test_only_what_is_wanted_is_made(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """The other one may be dear, or have nothing to show."""

    def unwanted() -> NoReturn:
        raise AssertionError

    if as_json:
        report(lambda: {"rows": []}, unwanted, as_json=True)
    else:
        report(unwanted, lambda: "a table", as_json=False)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ('{"rows": []}\n' if as_json else "a table\n", "")


def test_what_is_under_way_goes_where_it_is_asked_to(capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the table, on stderr, or nowhere."""
    telling()("one")
    telling(err=True)("two")
    telling(silent=True)("three")
    telling(silent=True, err=True)("four")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("one\n", "two\n")


@pytest.mark.parametrize(("fine", "code"), [(True, 0), (False, 1)])
def test_the_verdict_is_the_exit_code(fine: bool, code: int) -> None:
    """For scripts: 1 when a bar is missed."""
    with pytest.raises(SystemExit) as ended:
        end(fine=fine)
    assert ended.value.code == code
