"""What people, carriers, networks and operators do during the observed run."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from connectors.kafka.topics import admin_client
from infra.simulator import SimulatorClient
from streams.ids import user_key
from streams.topology import REMINDERS, REQUESTS, SMS_INBOUND
from tests.integration.monitoring.run import SECOND, ObservedRun
from tests.waiting import until

SUNRISE, HARBOUR = "+14155550100", "+442079460100"
NO_SCHEMA = b"\xc3\x01" + b"\x00" * 8 + b"\x02"  # single-object encoding, of a schema that nobody knows

# A webhook whose body does not come; the gateway waits for it some seconds.
DRIPS = b"""POST /sms HTTP/1.1\r
Host: gateway\r
X-Twilio-Signature: none\r
Content-Type: application/x-www-form-urlencoded\r
Content-Length: 100\r
\r
From="""


def number(user: int) -> str:
    """That of the nth user."""
    return f"+1212555{user:04d}"


class Traffic:
    def __init__(self, run: ObservedRun) -> None:
        self.run = run
        self.settings = run.system.settings
        self.carrier = SimulatorClient(self.settings.twilio_base_url)
        self.gateway = self.settings.public_url or ""

    # -- an ordinary day

    def ordinary(self) -> None:
        """Reminders that are heard, at once or later, and every command; ends when all of it has come to its end."""
        carrier = self.carrier
        carrier.behave(number(1), {"outcome": "answer", "digits": ["1"]})
        carrier.behave(number(2), {"outcome": "busy"}, {"outcome": "answer"})
        carrier.behave(number(3), {"outcome": "no-answer", "after_s": 0.5}, {"outcome": "answer"})
        carrier.behave(number(4), {"outcome": "answer", "digits": ["2"]})
        carrier.behave(number(5), {"outcome": "failed"}, {"outcome": "answer"})
        for user in range(1, 6):
            self.text(user, "Remind me to stretch in 2 seconds")
        self.text(6, "Remind me to stretch in 3 seconds", HARBOUR)
        self.text(7, "Remind me to call grandma in 2 hours")
        self.text(8, "STOP")
        self.text(9, "purple monkey dishwasher")
        for _ in range(5):
            self.text(10, "list")  # more than its tenant lets one user send in a minute
        # SMS of one user have no order among each other: what depends on another waits for it.
        self.run.seen('sum(ringback_reminders{class="pending"}) > 0')
        self.text(7, "list")
        self.text(7, "cancel 1")
        self.text(8, "START")
        self.run.seen('sum(ringback_reminders{class="cancelled"}) > 0')
        self.run.seen(
            "sum(ringback_gateway_answers_total) >= 8"
        )  # six that were told, two of whom pressed a key
        self.all_ended()
        self.questions()

    def questions(self) -> None:
        """To the read models, of one who has their token and of one who has not."""
        log = self.run.system.folder / "logs" / "views.log"
        [url] = until(lambda: re.findall(r"views answer on (\S+),", log.read_text()), "the views listen")
        self.run.seen("ringback_views_whole == 1")
        for token, answer in ((self.settings.views_token, 200), ("another", 401)):
            bearer = {"Authorization": f"Bearer {token}"}
            asked = urllib.request.Request(f"{url}/v1/tenants/sunrise/counts?window=minute", headers=bearer)
            assert self.status(asked) == answer

    # -- everything else

    def troubled(self) -> None:
        """Each fault that a part of us counts; ends when what can be mended is."""
        self.carrier_faults()
        self.strangers()
        self.lost_webhooks()
        self.run.seen('ringback_carrier_request_seconds_count{kind="call",outcome="unknown"}')
        self.carrier_away()
        self.gate_away()
        self.two_with_one_name()
        self.run.seen(
            "sum(ringback_backfill_injected_total) > 0 and sum(ringback_backfill_unusable_total) > 0"
        )
        self.all_ended()
        self.newer_than_we()

    def carrier_faults(self) -> None:
        """Too fast, refused, answers that never came, slow ones; messages refused and not delivered."""
        calls: list[dict[str, Any]] = [
            {"action": "respond", "status": 429, "retry_after_s": 0.5},
            {"action": "respond", "status": 400, "code": 21211},
            {"action": "act_then_drop"},
            {"action": "drop"},
            {"action": "slow", "before_s": 2.5},
        ]
        for user, fault in enumerate(calls, start=20):
            self.carrier.fault("calls", op="create", to=number(user), **fault)
            self.text(user, "Remind me to stretch in 1 second")
        self.carrier.fault("messages", "respond", op="create", to=number(26), status=400, code=21614)
        self.carrier.behave(number(27), messages=({"outcome": "undelivered", "error_code": 30003},))
        for user in (26, 27):
            self.text(user, "list")

    def strangers(self) -> None:
        """A request that the carrier has not signed, one that comes in drips, a record that is no SMS, and one that
        the topic does not take."""
        self.post("/sms", {"From": number(30), "To": SUNRISE, "Body": "list", "MessageSid": "SM" + "0" * 32})
        self.produce(SMS_INBOUND.name, b"\x00 no SMS at all")
        where = urllib.parse.urlsplit(self.gateway)
        with socket.create_connection((where.hostname, where.port), 5) as slow:
            slow.sendall(DRIPS)
            self.run.seen("max_over_time(ringback_gateway_in_flight[1m]) > 0")
        self.largest_record(50)
        self.text(31, "list")
        self.largest_record(None)

    def lost_webhooks(self) -> None:
        """One SMS that can be read, one whose sender has no number."""
        self.carrier.fault("sms", "drop", count=2)
        self.text(40, "list")
        self.carrier.send_sms("INFO", SUNRISE, "hello", url=f"{self.gateway}/sms")

    def carrier_away(self) -> None:
        """Its door is shut when reminders fall due."""
        for user in (50, 51):
            self.text(user, "Remind me to stretch in 1 second")
        self.carrier.pause(2.5)
        self.run.seen('ringback_carrier_request_seconds_count{outcome="not_sent"}')
        until(self.carrier.healthy, "the carrier is back")

    def gate_away(self) -> None:
        """Redis stands still while reminders fall due, then dies; it is started again, and the gate filled."""
        cluster = self.run.system.cluster
        assert cluster is not None
        for user in (60, 61, 62):
            self.text(user, "Remind me to stretch in 1 second")
        os.kill(cluster.pids["valkey"], signal.SIGSTOP)
        self.run.seen("sum(ringback_gate_unavailable_total) > 0")
        os.kill(cluster.pids["valkey"], signal.SIGKILL)
        self.run.seen("sum(ringback_gate_fills_total) > 0")

    def two_with_one_name(self) -> None:
        """Somebody starts another process under the name of a member, which is fenced by that and begins anew."""
        name = REMINDERS.transactional_id(SECOND, 0)
        Producer({**self.settings.kafka_config(), "transactional.id": name}).init_transactions(20)
        for user in range(70, 86):
            self.text(user, "list")
        self.run.seen('ringback_loop_aborts_total{stage="reminders"} > 0')

    def newer_than_we(self) -> None:
        """A record of a schema that this release does not know: its partition stands still from now on."""
        self.produce(REQUESTS.name, NO_SCHEMA, user_key("sunrise", number(90)).encode())
        self.run.seen('ALERTS{alertname="PartitionHeld"}')

    # -- the ways in

    def text(self, user: int, body: str, to: str = SUNRISE) -> None:
        """The user texts us; the carrier tells the gateway."""
        self.carrier.send_sms(number(user), to, body, url=f"{self.gateway}/sms")

    def produce(self, topic: str, value: bytes, key: bytes | None = None) -> None:
        producer = Producer(self.settings.kafka_config())
        producer.produce(topic, value, key)
        assert producer.flush(20) == 0

    def post(self, path: str, form: dict[str, str]) -> int:
        """As anybody on the Internet may; the status."""
        data = urllib.parse.urlencode(form).encode()
        return self.status(urllib.request.Request(f"{self.gateway}{path}", data))

    def status(self, asked: urllib.request.Request) -> int:
        try:
            with urllib.request.urlopen(asked, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code
        except OSError as away:
            raise AssertionError(f"{asked.full_url}: {away}\n{self.run.logs()}") from away

    def largest_record(self, size: int | None) -> None:
        """What the broker takes for `sms.inbound`, bytes; None: as it was."""
        operation = AlterConfigOpType.DELETE if size is None else AlterConfigOpType.SET
        entry = ConfigEntry("max.message.bytes", json.dumps(size), incremental_operation=operation)
        resource = ConfigResource(ResourceType.TOPIC, SMS_INBOUND.name, incremental_configs=[entry])
        admin = admin_client(self.settings.kafka_config())
        for future in admin.incremental_alter_configs([resource]).values():
            future.result(20)

    def all_ended(self) -> None:
        """No occurrence is open any more, nobody has a reminder that is due, and what is owed is charged."""
        self.run.seen('sum(ringback_reminders{class="open"}) == 0 and max(reminders_overdue_seconds) == 0')
        self.run.seen("sum(ringback_charges_owed) == sum(ringback_charges)")
