"""Webhooks that were lost: the SMS are found in the carrier's list, and each has one outcome whatever comes twice."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka.browse import whole
from infra.cli.main import run
from infra.cluster import LocalCluster
from infra.run.backfill import MARGIN_MS, BackfillService
from infra.simulator import SimulatorClient
from schemas.registry import Codec
from streams.topology import SMS_INBOUND
from tests.integration.path.pipeline import OUR_NUMBER, Pipeline

pytestmark = pytest.mark.integration
Backfill = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def pipeline(
    path_cluster: tuple[LocalCluster, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    """One gateway for all of these, in each other's way no more than tenants are: none leaves a lost SMS behind."""
    running = Pipeline(*path_cluster, tmp_path_factory.mktemp("backfill"))
    running.start_gateway()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def control(pipeline: Pipeline) -> SimulatorClient:
    """The carrier's side, once the gateway serves."""

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"{pipeline.public_url}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    pipeline.wait_until("the gateway serves", ready, 30)
    return pipeline.simulator.control


@pytest.fixture
def backfill(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Backfill:
    """`backfill("--dry-run", …)`: exit code, and what it said of each lost SMS."""
    for name, value in pipeline.settings.environment().items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        code = run(["backfill", "--settle", "0s", "--json", *arguments])
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return command


def text(pipeline: Pipeline, user: str, body: str = "list", **more: Any) -> str:
    """A user texts us by way of the carrier and the gateway; the sid."""
    url = f"{pipeline.public_url}/sms"
    sent = pipeline.simulator.control.send_sms(user, OUR_NUMBER, body, url=url, **more)
    return str(sent["message_sid"])


def copies(pipeline: Pipeline) -> Counter[str]:
    """How often each sid stands in sms.inbound."""
    codec = Codec()
    found = whole(pipeline.settings.kafka_config(), [SMS_INBOUND.name])
    return Counter(codec.decode_sms(r.value, r.timestamp_ms)["message_sid"] for r in found)


@pytest.mark.timeout(90)
def test_exactly_the_lost_sms_are_injected_and_each_has_one_outcome(
    pipeline: Pipeline, control: SimulatorClient, backfill: Backfill, new_user: Callable[[], str]
) -> None:
    """Of twelve SMS five webhooks are dropped; these five are injected, once, and all twelve are answered and charged
    once, also when a lost webhook comes after all."""
    for stage in ("inbound", "reminders", "billing"):
        pipeline.start_stage(stage)
    control.fault("sms", "drop", nth=3, count=5)
    users = [new_user() for _ in range(4)]
    sids = [text(pipeline, users[n % 4]) for n in range(12)]
    pipeline.sent += sids
    lost = sids[2:7]

    code, told = backfill("--dry-run")
    assert (code, {t["message_sid"] for t in told}, {t["action"] for t in told}) == (1, set(lost), {"lost"})
    code, told = backfill()
    assert code == 0
    assert sorted(t["message_sid"] for t in told) == sorted(lost)
    assert {t["action"] for t in told} == {"injected"}
    assert backfill() == (0, []), "nothing is lost any more"
    assert copies(pipeline) & Counter(sids) == Counter(sids)
    assert {copies(pipeline)[sid] for sid in sids} == {1}

    # A webhook that was only late, and behind it one more SMS of the user, so that we know when it was read.
    text(pipeline, users[2], message_sid=lost[0])
    pipeline.sent.append(text(pipeline, users[2]))
    assert copies(pipeline)[lost[0]] == 2
    pipeline.wait_until(
        "every SMS has its outcome and its charge",
        lambda: set(pipeline.sent) <= set(pipeline.ledger().outcomes) and pipeline.ledger().settled,
    )
    pipeline.ledger().check()


@pytest.mark.timeout(60)
def test_a_carrier_that_cannot_be_asked_is_said_and_changes_nothing(
    pipeline: Pipeline, control: SimulatorClient, backfill: Backfill, new_user: Callable[[], str]
) -> None:
    """Exit code 3 and one line; the same command later finds what was lost."""
    control.fault("sms", "drop")
    sid = text(pipeline, new_user())
    control.fault("messages", "respond", op="list", status=503)
    assert backfill() == (3, [])
    assert copies(pipeline)[sid] == 0
    code, told = backfill()
    assert (code, [t["message_sid"] for t in told]) == (0, [sid])


@pytest.mark.timeout(60)
def test_as_a_service_it_makes_up_for_rounds_that_failed(
    pipeline: Pipeline, control: SimulatorClient, new_user: Callable[[], str]
) -> None:
    """The carrier is away for a round: counted, and the next one covers its span; metrics tell of all."""
    service = BackfillService(pipeline.settings, 3_600_000, 0, 60.0, threading.Event())
    control.fault("sms", "drop", count=2)
    first = text(pipeline, new_user())
    now_ms = control.truth()[-1]["at"] + 2_000
    before = service.ready
    service.round(now_ms)
    assert (before, service.ready) == (False, True)
    second = text(pipeline, new_user())
    control.fault("messages", "respond", op="list", status=503)
    service.round(now_ms + 60_000)
    assert copies(pipeline)[second] == 0
    assert service.since(now_ms + 120_000) == now_ms - MARGIN_MS, "from the last good round"
    service.round(now_ms + 120_000)
    assert [copies(pipeline)[sid] for sid in (first, second)] == [1, 1]
    metrics = service.metrics
    assert metrics.value("ringback_backfill_injected_total", tenant="acme") >= 2
    assert metrics.value("ringback_backfill_rounds_total", result="good") == 2
    assert metrics.value("ringback_backfill_rounds_total", result="carrier_away") == 1
    page = metrics.page()[0].decode()
    assert "ringback_backfill_good_round_age_seconds" in page


@pytest.mark.timeout(60)
def test_what_cannot_be_decoded_is_known_by_its_sid(
    pipeline: Pipeline, control: SimulatorClient, backfill: Backfill, new_user: Callable[[], str]
) -> None:
    """JSON, and bytes that no reader takes: the SMS lies there, so it is not injected again."""
    control.fault("sms", "drop", count=3)
    as_json, broken, lost = (text(pipeline, new_user()) for _ in range(3))
    sms = {"message_sid": as_json, "from": "+14155550101", "to": OUR_NUMBER, "body": "list"}
    pipeline.produce(SMS_INBOUND.name, json.dumps(sms).encode())
    pipeline.produce(SMS_INBOUND.name, f'{{"message_sid": "{broken}", "from":'.encode())
    code, told = backfill()
    assert (code, [t["message_sid"] for t in told]) == (0, [lost])
