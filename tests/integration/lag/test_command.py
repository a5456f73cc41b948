"""`ringback lag` as people and scripts use it."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from infra.cli.main import run
from tests.integration.lag.groups import Groups

pytestmark = pytest.mark.integration


def lag(groups: Groups, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """What it prints of this test's groups."""
    only = ("--group", f"{groups.name}*", "--topic", f"{groups.name}*")
    assert run(["lag", "--kafka-bootstrap-servers", groups.bootstrap, *only, *more]) == 0
    return capsys.readouterr().out


def test_one_object_and_one_table(groups: Groups, capsys: pytest.CaptureFixture[str]) -> None:
    """--json gives the figures of every partition, null where there is none; off a terminal the table comes once."""
    topic = groups.topic(2)
    groups.produce(topic, [5, 3])
    groups.commit(groups.name, {(topic, 0): 1})
    found = json.loads(lag(groups, capsys, "--json"))
    [group] = found["groups"]
    assert (group["group"], group["state"], group["members"]) == (groups.name, "empty", 0)
    [of_topic] = group["topics"]
    assert (of_topic["lag"], of_topic["readable_records"], of_topic["exact"]) == (4, 4, True)
    committed, never = of_topic["partitions"]
    assert (committed["current_offset"], committed["log_end_offset"], committed["lag"]) == (1, 5, 4)
    assert committed["lag_seconds"] > 0
    assert (never["lag"], never["readable_records"], never["lag_seconds"]) == (-1, None, None)
    head, row = lag(groups, capsys).splitlines()
    assert head.split() == ["GROUP", "STATE", "MEMBERS", "TOPIC", "PARTITION", "LAG", "READABLE", "OLDEST"]
    assert row.split()[:7] == [groups.name, "empty", "0", topic, "all", "4", "4"]
    _, first, second = lag(groups, capsys, "--partitions").splitlines()
    assert first.split()[3:7] == [topic, "0", "4", "4"]
    assert second.split() == [topic, "1", "-", "-", "-"]
    assert lag(groups, capsys, "--offsets-only").split()[-2:] == ["-", "-"], "nothing was read"


def test_the_first_figure_comes_soon(groups: Groups) -> None:
    """From the start of the process to its end with a figure: 2 s on an idle machine; this one may be busy."""
    topic = groups.topic(1)
    groups.commit(groups.name, {(topic, 0): 0})
    command = [sys.executable, "-m", "infra.cli.main", "lag", "--json", "--group", groups.name]
    begun_s = time.monotonic()
    done = subprocess.run(
        [*command, "--kafka-bootstrap-servers", groups.bootstrap], capture_output=True, check=True, timeout=60
    )
    assert time.monotonic() - begun_s < 10
    assert json.loads(done.stdout)["groups"][0]["group"] == groups.name


def test_no_broker_is_unreachable_and_nonsense_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit codes 3 and 2, each with a line that says what to do."""
    assert run(["lag", "--once", "--kafka-bootstrap-servers", "127.0.0.1:9"]) == 3
    assert "no broker answers" in capsys.readouterr().err
    assert run(["lag", "--serve", "--json", "--kafka-bootstrap-servers", "127.0.0.1:9"]) == 2
    assert "--serve goes with none of" in capsys.readouterr().err
    assert run(["lag", "--once"]) == 2
    assert "KAFKA_BOOTSTRAP_SERVERS" in capsys.readouterr().err
