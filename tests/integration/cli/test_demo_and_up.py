"""The whole thing as a user starts it: `demo` to its verdict, `up` to its clean end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka import topics
from infra.cli.produce import ToWrite, write
from infra.cluster import LocalCluster, status
from schemas.codec import MARKER
from streams.topology import TENANTS
from tests.waiting import until

pytestmark = pytest.mark.integration
RINGBACK = [sys.executable, "-m", "infra.cli.main"]
READY_S = 90.0


def _children_of(folder: Path) -> list[int]:
    """Every process that was told this folder: brokers, Redis, stages, gateway, carrier and their guardians."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            where = str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(folder).encode() in environment or where.startswith(str(folder)):
            found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]


@pytest.mark.timeout(240)
def test_the_demo_agrees(tmp_path: Path) -> None:
    """A dozen SMS on a cluster of its own end with every check agreeing, exit code 0, and nothing left running."""
    done = subprocess.run(
        [*RINGBACK, "demo", "--json", "--dir", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    verdict = json.loads(done.stdout)
    assert verdict["agreed"]
    assert all(check["holds"] for check in verdict["checks"])
    assert {row["tenant"]: row["sms"] for row in verdict["tenants"]} == {"sunrise": 6, "harbour": 6}
    assert _children_of(tmp_path) == []


@pytest.mark.timeout(240)
def test_what_another_version_left_is_said_with_the_way_on(tmp_path: Path) -> None:
    """Somebody who comes back to an older or newer release is told of --fresh, not of a fingerprint alone."""
    folder = tmp_path / "demo"
    with LocalCluster.start(folder / "cluster", heap_mb=256) as cluster:
        topics.apply(topics.admin_client({"bootstrap.servers": cluster.bootstrap_servers}), wanted=[TENANTS])
        of_tomorrow = ToWrite(TENANTS.name, b"acme", MARKER + b"tomorrow")
        write({"bootstrap.servers": cluster.bootstrap_servers}, [of_tomorrow])
    done = subprocess.run(
        [*RINGBACK, "demo", "--dir", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    [said] = [line for line in done.stderr.splitlines() if "another version" in line]
    assert str(folder) in said
    assert "--fresh" in said
    assert _children_of(tmp_path) == []


@contextmanager
def _up(folder: Path, log: Path, *options: str, last: bytes = b"logs:") -> Iterator[subprocess.Popen[bytes]]:
    """A running `up` that has said everything that it says at its start, whose last line begins with `last`."""
    with log.open("wb") as output:
        up = subprocess.Popen([*RINGBACK, "up", "--dir", str(folder), *options], stdout=output, stderr=output)

    def ready() -> bool:
        assert up.poll() is None, log.read_text()
        return last in log.read_bytes()

    try:
        until(ready, "up has introduced itself", READY_S, more=log.read_text)
        yield up
    finally:
        up.kill()
        up.wait()


@pytest.mark.timeout(240)
def test_up_is_found_by_other_commands_and_ends_without_orphans(tmp_path: Path) -> None:
    """Another shell sends and traces without any setting; a stage that is killed comes back; SIGTERM ends all."""
    folder = tmp_path / "up"
    log = tmp_path / "up.log"
    with _up(folder, log, "--metrics") as up:
        [stages] = [
            pid
            for pid in _children_of(folder)
            if b"infra.cli.main\0run" in Path(f"/proc/{pid}/cmdline").read_bytes()
            and b"guardian" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(stages, signal.SIGKILL)
        send = [*RINGBACK, "send", "--from", "+15550001234", "--to", "+14155550100", "list"]
        sid = subprocess.run(send, check=True, capture_output=True, text=True).stdout.strip()

        def charged() -> bool:
            trace = subprocess.run(
                [*RINGBACK, "trace", sid, "--json"], capture_output=True, text=True, check=False
            )
            assert trace.returncode in (0, 1), trace.stderr
            return any("charged" in json.loads(line)["what"] for line in trace.stdout.splitlines())

        until(charged, "the trace ends with the charge", READY_S, more=log.read_text)
        assert "stages ended with 137" in log.read_text()
        assert (folder / "running.json").exists()
        up.send_signal(signal.SIGTERM)
        code = up.wait(60)
    assert code == 0, log.read_text()
    found = status(folder / "cluster")
    assert found is not None
    assert found.pids == {}
    assert _children_of(folder) == []
    assert not (folder / "running.json").exists()


@pytest.mark.needs("prometheus")
@pytest.mark.timeout(240)
def test_up_with_metrics_is_read_by_a_prometheus_and_leaves_nothing_when_killed(tmp_path: Path) -> None:
    """The addresses that it says are those that Prometheus reads, all of them, with our alerts loaded; after kill -9
    of `up` nothing runs any more."""
    folder = tmp_path / "up"
    log = tmp_path / "up.log"
    with _up(folder, log, "--metrics", last=b"ringback-lag ") as up:
        said = log.read_text()
        pages = dict(re.findall(r"^ +(ringback-\w+) +(http\S+/metrics)$", said, re.MULTILINE))
        assert set(pages) == {"ringback-gateway", "ringback-stages", "ringback-lag"}
        found = re.search(r"metrics: (http\S+) is a Prometheus", said)
        assert found is not None, said

        def asked(path: str) -> Any:
            with urllib.request.urlopen(f"{found[1]}/api/v1/{path}", timeout=20) as answer:
                return json.load(answer)["data"]

        def read() -> dict[str, str]:
            return {
                target["labels"]["job"]: target["scrapeUrl"]
                for target in asked("targets?state=active")["activeTargets"]
                if target["health"] == "up"
            }

        until(lambda: read() == pages, "all pages are read", 40, 0.2, more=log.read_text)
        assert {group["name"] for group in asked("rules")["groups"]} >= {
            "ringback-reminders",
            "ringback-kafka",
        }
        assert len(_children_of(folder)) > 10
        up.kill()
        up.wait()
        until(lambda: _children_of(folder) == [], "nothing runs any more", 40, 0.2)
