"""The figures are those of a fresh fold of the topics, whatever happened to the worker. Real broker, real processes."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from connectors.settings import Settings
from streams.topology import VIEWS
from tests.conftest import FreshTopics
from tests.integration.views.worker import Log, Worker, committed, groups_offsets
from tests.unit.views.oracle import fold
from tests.unit.views.reading import figures
from tests.unit.views.traffic import Written, traffic
from tests.waiting import until

pytestmark = pytest.mark.integration
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
SEED = int(os.environ.get("RINGBACK_TEST_SEED", "0")) or random.randrange(1, 2**31)


@pytest.fixture(scope="module")
def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def log(settings: Settings, fresh_topics: FreshTopics) -> Log:
    print(f"replay with RINGBACK_TEST_SEED={SEED}")
    fresh_topics()
    return Log(settings)


def users(records: list[Written]) -> list[str]:
    return sorted({each.key for each in records if each.topic != "dead.letters"})


def agrees(worker: Worker, settings: Settings, records: list[Written], now_ms: int) -> None:
    """The worker's answers are the fold of what a read-committed reader of another library gets."""
    worker.wait()
    expected = fold(committed(settings))
    assert figures(worker.get, users(records), now_ms, at_once=50) == expected


def test_the_figures_survive_everything(settings: Settings, log: Log, tmp_path: Path, now_ms: int) -> None:
    """Aborted transactions, copies and bad records in the topics; killed while it reads, restarted, joined and left by
    a second worker, rebuilt from nothing: each time the answers equal a fresh fold."""
    first = traffic(SEED, 250, now_ms)
    never = traffic(SEED + 1, 30, now_ms)
    log.write_all(first, 300, aborted=never)
    log.write(first[:40])  # produced twice
    log.bad("reminders.events", b"nonsense")
    member = tmp_path / "one"
    with Worker(settings, member) as worker:
        agrees(worker, settings, first, now_ms)
        assert fold(committed(settings))["skipped"] == {"reminders.events": 1}
        visible = set(users(first))
        assert set(users(never)) - visible <= {u for u in users(never) if not _lives(worker, u)}

        # Killed in the middle of reading.
        second = traffic(SEED + 2, 600, now_ms)
        before = _records(worker)
        log.write_all(second, 1_000, aborted=never)
        until(lambda: _records(worker) > before, "it has begun to read", poll_s=0.005, more=worker.log)
        worker.kill()
    with Worker(settings, member) as worker:
        agrees(worker, settings, first + second, now_ms)

        # A second worker joins, with nothing: it reads everything, and moves nothing of the first.
        with Worker(settings, tmp_path / "two") as other:
            third = traffic(SEED + 3, 60, now_ms)
            log.write_all(third, 200)
            agrees(other, settings, first + second + third, now_ms)
            agrees(worker, settings, first + second + third, now_ms)
        log.write(traffic(SEED + 4, 20, now_ms))
        agrees(worker, settings, first + second + third, now_ms)
        whole = figures(worker.get, users(first + second), now_ms, at_once=50)

    with Worker(settings, member, "--rebuild") as worker:
        agrees(worker, settings, first + second + third, now_ms)
        assert figures(worker.get, users(first + second), now_ms, at_once=50) == whole
        group = VIEWS.group((member / "member").read_text().strip())
        until(
            lambda: groups_offsets(settings, group) > 0, "`ringback lag` sees how far it is", more=worker.log
        )


def test_it_reads_what_any_codec_wrote(
    settings: Settings, fresh_topics: FreshTopics, tmp_path: Path, now_ms: int
) -> None:
    """The gateway compresses what it appends, and others may with what they like."""
    fresh_topics()
    records = traffic(SEED, 100, now_ms)
    part = len(records) // len(CODECS) + 1
    for number, codec in enumerate(CODECS):
        Log(settings, codec).write(records[number * part : (number + 1) * part])
    with Worker(settings, tmp_path / "one") as worker:
        agrees(worker, settings, records, now_ms)
        assert worker.metric("ringback_views_restarts_total") == 0


def test_what_its_client_cannot_read_ends_neither_the_process_nor_its_trying(
    settings: Settings, fresh_topics: FreshTopics, tmp_path: Path, now_ms: int
) -> None:
    """A fetch that fails fails inside Faust, which then stops in its own way; the worker must come out of that each
    time, and no figure be taken for whole meanwhile."""
    fresh_topics()
    Log(settings, "zstd").write(traffic(SEED, 100, now_ms))
    without = tmp_path / "without"
    without.mkdir()
    (without / "cramjam.py").write_text("raise ImportError('not installed here')")
    with Worker(settings, tmp_path / "one", PYTHONPATH=str(without)) as worker:
        until(
            lambda: "codec not found" in worker.log() and worker.metric("ringback_views_restarts_total") >= 3,
            "it is started anew again and again",
            60,
            more=worker.log,
        )
        assert worker.metric("ringback_views_whole") == 0
        assert worker.stop() == 0


def test_a_full_disk_loses_nothing(settings: Settings, log: Log, tmp_path: Path, now_ms: int) -> None:
    """Tables that cannot grow are not committed; when there is room again, everything is there, once."""
    records = traffic(SEED, 400, now_ms)
    log.write_all(records, 300)
    with Worker(settings, tmp_path / "one") as worker:
        agrees(worker, settings, records, now_ms)
        [tables] = (tmp_path / "one").rglob("data.mdb")
        unlimited = resource.prlimit(worker.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (tables.stat().st_size, unlimited[1]))
        more = traffic(SEED + 1, 800, now_ms)
        log.write_all(more, 300)
        until(
            lambda: worker.metric("ringback_views_restarts_total") >= 2,
            "it is started anew",
            60,
            more=worker.log,
        )
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, unlimited)
        agrees(worker, settings, records + more, now_ms)
        assert "started anew: " in worker.log()


def test_a_group_that_is_joined_by_a_stranger_answers_nothing(
    settings: Settings, log: Log, tmp_path: Path, now_ms: int
) -> None:
    """Two workers of one name on two machines share partitions between them: then neither has everything, and neither
    gives half an answer. When the stranger leaves, the answers are whole again and right."""
    from confluent_kafka import Consumer

    records = traffic(SEED, 60, now_ms)
    log.write_all(records, 200)
    with Worker(settings, tmp_path / "one") as worker:
        agrees(worker, settings, records, now_ms)
        group = VIEWS.group((tmp_path / "one" / "member").read_text().strip())
        stranger = Consumer(
            {
                **settings.kafka_config(),
                "group.id": group,
                "partition.assignment.strategy": "roundrobin",
                "session.timeout.ms": 6_000,
            }
        )
        stranger.subscribe([topic.name for topic in VIEWS.reads])
        until(lambda: [stranger.poll(0.2)] and stranger.assignment(), "the stranger has partitions", 60)
        until(lambda: _status(worker) == 503, "nothing is answered", 60, 0.05, worker.log)
        more = traffic(SEED + 1, 30, now_ms)
        log.write_all(more, 200)
        stranger.close()
        agrees(worker, settings, records + more, now_ms)


def test_stages_and_views_run_in_one_process(settings: Settings, log: Log, tmp_path: Path) -> None:
    """`ringback run billing views`: both are ready, both stop in time, and the token is made and kept for its owner."""
    from infra.cluster.ports import lease_port

    log.write(traffic(SEED, 3, time.time_ns() // 1_000_000))
    with lease_port(None) as health, lease_port(None) as api:
        ports = health.port, api.port
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers or "",
        "RINGBACK_STATE_DIR": str(tmp_path / "both"),
        "RINGBACK_VIEWS_PORT": str(ports[1]),
    }
    command = [
        sys.executable,
        "-m",
        "infra.cli.main",
        "run",
        "billing",
        "views",
        "--http-port",
        str(ports[0]),
    ]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    def ready() -> bool:
        assert process.poll() is None, process.communicate()[1]
        try:
            with urlopen(f"http://127.0.0.1:{ports[0]}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    until(ready, "both are ready", 60, 0.1)
    again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (again.returncode, "another process runs views" in again.stderr) == (2, True)
    process.terminate()
    output = process.communicate(timeout=60)[1]
    assert process.returncode == 0, output
    kept = tmp_path / "both" / "views-token"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert str(kept) in output
    assert kept.read_text().strip() not in output
    assert "+1415" not in output


def _records(worker: Worker) -> int:
    return sum(each["records"] for each in worker.get("/v1/tenants")["tenants"])


def _lives(worker: Worker, user: str) -> bool:
    tenant, _, phone = user.partition("|")
    return bool(worker.get(f"/v1/tenants/{tenant}/users/{phone}/reminders")["reminders"])


def _status(worker: Worker) -> int:
    try:
        worker.get("/v1/tenants")
    except HTTPError as error:
        return error.code
    return 200
