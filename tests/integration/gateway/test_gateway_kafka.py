"""The gateway on a real broker and a real Valkey: what was acknowledged is there, whatever stops."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid

import pytest

from connectors.gate import RedisGate
from connectors.gateway.urls import call_urls
from infra.cluster import LocalCluster
from streams.ids import CallKey
from streams.once.gate import Say
from tests.behaviour.gate.worlds import filled
from tests.integration.gateway.conftest import Line, records
from tests.unit.gateway.conftest import PUBLIC_URL, USER_NUMBER, call_form, sms_form

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


def fresh_sms() -> dict[str, str]:
    return sms_form(MessageSid=f"SM{uuid.uuid4().hex}")


async def test_an_acknowledged_sms_is_in_the_log(cluster: LocalCluster, line: Line) -> None:
    """When the answer is 200, a reader that starts then finds each of the SMS, once."""
    forms = [fresh_sms() for _ in range(20)]
    answers = await asyncio.gather(*(line.post("/sms", form) for form in forms))
    assert {answer.status_code for answer in answers} == {200}
    stored = [record["message_sid"] for record in records(cluster, "sms.inbound")]
    assert [stored.count(form["MessageSid"]) for form in forms] == [1] * 20


async def test_nothing_acknowledged_is_lost_when_the_broker_dies(cluster: LocalCluster, line: Line) -> None:
    """SIGKILL under load: each SMS gets 200 and is there, or 503; and the gateway serves again afterwards."""
    forms = [fresh_sms() for _ in range(30)]
    before = [asyncio.create_task(line.post("/sms", form)) for form in forms[:15]]
    await asyncio.wait(before, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(cluster.kill_broker, 1)
    during = [asyncio.create_task(line.post("/sms", form)) for form in forms[15:]]
    ready = asyncio.create_task(line.client.get("/readyz"))
    answers = await asyncio.gather(*before, *during)
    assert (await ready).status_code == 503
    await asyncio.to_thread(cluster.start_broker, 1)
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert {answer.status_code for answer in answers[15:]} == {503}
    assert all(int(answer.headers["retry-after"]) for answer in answers if answer.status_code == 503)
    again = fresh_sms()
    while (await line.post("/sms", again)).status_code == 503:
        pass  # as the carrier does; each answer waits for the broker up to its deadline
    stored = {record["message_sid"] for record in records(cluster, "sms.inbound")}
    acknowledged = {f["MessageSid"] for f, a in zip(forms, answers, strict=True) if a.status_code == 200}
    assert acknowledged | {again["MessageSid"]} <= stored


async def test_a_stop_finishes_what_is_in_flight(cluster: LocalCluster, line: Line) -> None:
    """Stopped while Kafka hesitates: the request that was in flight is stored and acknowledged, then the end."""
    await line.post("/sms", fresh_sms())
    form = fresh_sms()
    os.kill(cluster.pids["kafka-1"], signal.SIGSTOP)
    try:
        answer = asyncio.create_task(line.post("/sms", form))
        while line.server.metrics.value("ringback_gateway_in_flight") == 0:
            await asyncio.sleep(0)
        line.server.stop()
        done, _ = await asyncio.wait([line.serving], timeout=0.3)
        assert not done, "it waits for the request"
    finally:
        os.kill(cluster.pids["kafka-1"], signal.SIGCONT)
    assert (await answer).status_code == 200
    await line.serving
    assert form["MessageSid"] in {record["message_sid"] for record in records(cluster, "sms.inbound")}


async def test_an_answered_call_is_in_the_log_before_and_after_its_words(
    cluster: LocalCluster, line: Line
) -> None:
    """ANSWERED is there when the words arrive, TOLD when the gateway has ended."""
    key, user = CallKey(str(uuid.uuid4()), 1_795_000_000_000, 1, 1), f"acme|{USER_NUMBER}"
    gate = RedisGate.from_url(cluster.redis_url)
    await filled(gate, "calls:0")
    await gate.enter("calls:0", str(key), 1, "t", Say(user, "buy milk", "en", "acme"), None)
    await gate.close()
    path = call_urls(PUBLIC_URL, key, user, 1, "n").url.removeprefix(PUBLIC_URL)
    answer = await line.post(path, call_form())
    assert "buy milk" in answer.text

    def states() -> list[str]:
        return [r["state"] for r in records(cluster, "calls.events") if r["reminder_id"] == key.reminder_id]

    assert states()[:1] == ["ANSWERED"]
    line.server.stop()
    await line.serving
    assert states() == ["ANSWERED", "TOLD"]


async def test_it_says_which_server_is_away(cluster: LocalCluster, line: Line) -> None:
    """/readyz names Redis while it is stopped, and recovers by itself."""
    assert (await line.client.get("/readyz")).status_code == 200
    await asyncio.to_thread(cluster.stop_redis, kill=True)
    try:
        answer = await line.client.get("/readyz")
    finally:
        await asyncio.to_thread(cluster.start_redis)
    assert answer.status_code == 503
    assert answer.json()["kafka"] == "ok"
    assert "Connect" in answer.json()["redis"]
    assert (await line.client.get("/readyz")).status_code == 200
