"""`send`, `cat`, `tenants`, `dead-letters` and `trace` against a real broker."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from confluent_kafka import Producer

from connectors.kafka.browse import partition_of, whole
from connectors.kafka.clients import KafkaClients
from connectors.settings import Settings
from infra.cli.produce import ToWrite, write
from schemas.codec import encode
from streams.ids import reminder_id
from streams.inbound import APPENDED_AT
from streams.topology import DEAD_LETTERS, EVENTS, REQUESTS, SMS_INBOUND, TENANTS
from tests.conftest import FreshTopics

pytestmark = pytest.mark.integration
Command = Callable[..., tuple[int, list[dict[str, Any]]]]
USER, OURS = "+14155550101", "+14155550100"


def test_what_is_sent_is_what_cat_shows(ringback: Command, fresh_topics: FreshTopics) -> None:
    """A sent SMS lies in sms.inbound, decoded by cat, at the place that send named."""
    fresh_topics([SMS_INBOUND])
    code, [sent] = ringback("send", "--from", USER, "--to", OURS, "Remind", "me", "at", "5pm")
    assert code == 0
    code, [found] = ringback("cat", SMS_INBOUND.name, "--from-beginning")
    assert code == 0
    assert (found["partition"], found["offset"]) == (sent["partition"], sent["offset"])
    assert found["key"] is None
    assert found["value"]["body"] == "Remind me at 5pm"
    assert {k: found["value"][k] for k in ("message_sid", "from", "to")} == {
        "message_sid": sent["message_sid"],
        "from": USER,
        "to": OURS,
    }


def test_cat_shows_committed_records_only_and_ends_behind_markers(
    ringback: Command, fresh_topics: FreshTopics, settings: Settings
) -> None:
    """Aborted records are not shown, and a topic that ends in transaction markers does not keep cat waiting."""
    fresh_topics([EVENTS], partitions=1)
    clients = KafkaClients(settings.kafka_bootstrap_servers or "")
    producer = clients.transactional_producer("cat-test")
    producer.init_transactions(10)
    for number, end in enumerate([producer.commit_transaction, producer.abort_transaction]):
        producer.begin_transaction()
        producer.produce(EVENTS.name, key=b"k", value=b"\x00\xff" + bytes([number]))
        end(10)
    code, found = ringback("cat", EVENTS.name, "--from-beginning")
    assert code == 0
    assert [base64.b64decode(r["value"]) for r in found] == [b"\x00\xff\x00"]
    assert "error" in found[0], "bytes that are no record must say so"


def test_cat_without_flags_shows_the_newest(
    ringback: Command, fresh_topics: FreshTopics, settings: Settings
) -> None:
    """The last ten by time over all partitions, or as many as --max says; --partition narrows it."""
    fresh_topics([SMS_INBOUND], partitions=3)
    for number in range(14):
        value = json.dumps({"n": number}).encode()
        write(settings.kafka_config(), [ToWrite(SMS_INBOUND.name, b"%d" % number, value, (), number % 3)])
    _, found = ringback("cat", SMS_INBOUND.name)
    assert [r["key"] for r in found] == [str(n) for n in range(4, 14)]
    _, found = ringback("cat", SMS_INBOUND.name, "--max", "2")
    assert [r["key"] for r in found] == ["12", "13"]
    _, found = ringback("cat", SMS_INBOUND.name, "--from-beginning", "--partition", "1")
    assert [r["key"] for r in found] == ["1", "4", "7", "10", "13"]
    assert ringback("cat", SMS_INBOUND.name, "--partition", "7") == (2, [])
    assert ringback("cat", "no.such.topic") == (2, [])


def test_tenants_are_added_replaced_and_never_removed(
    ringback: Command, fresh_topics: FreshTopics, tmp_path: Any, settings: Settings
) -> None:
    """apply twice is apply once; a number that would have two owners is refused as a whole."""
    fresh_topics([TENANTS])
    file = tmp_path / "tenants.yaml"

    def apply(text: str) -> tuple[int, dict[str, str]]:
        file.write_text(text)
        code, lines = ringback("tenants", "apply", str(file))
        return code, {line["id"]: line["action"] for line in lines}

    both = '- {id: a, numbers: ["+14155550100"]}\n- {id: b, numbers: ["+14155550199"], price_per_sms: 0.5}\n'
    assert apply(both) == (0, {"a": "added", "b": "added"})
    assert apply(both) == (0, {"a": "unchanged", "b": "unchanged"})
    assert len(list(whole(settings.kafka_config(), [TENANTS.name]))) == 2
    assert apply('- {id: a, numbers: ["+14155550100"], currency: EUR}') == (0, {"a": "replaced"})
    assert apply('- {id: c, numbers: ["+14155550199"]}') == (2, {})
    assert apply('- {id: c, numbers: ["+14155550177"], colour: red}') == (2, {})
    code, listed = ringback("tenants", "list")
    assert code == 0
    assert {t["id"]: (t["currency"], t["price_per_sms"]) for t in listed} == {
        "a": ("EUR", "0.000000"),
        "b": ("USD", "0.500000"),
    }


def _letter(settings: Settings, offset: int, reason: str, value: bytes, **more: Any) -> None:
    record: Mapping[str, Any] = {
        "source_topic": SMS_INBOUND.name,
        "source_partition": 2,
        "source_offset": offset,
        "source_timestamp": 1_795_255_200_123,
        "reason": reason,
        "detail": "a test",
        "key": b"\xffkey",
        "value": value,
        "value_length": len(value),
        "value_sha256": hashlib.sha256(value).hexdigest(),
        "at": 1_795_255_200_456,
        **more,
    }
    write(settings.kafka_config(), [ToWrite(DEAD_LETTERS.name, b"k", encode("DeadLetter", record), (), 0)])


def test_a_dead_letter_goes_back_as_it_was(
    ringback: Command, fresh_topics: FreshTopics, settings: Settings
) -> None:
    """Bytes, key and partition are the source's, and a header tells when the source was appended."""
    fresh_topics([SMS_INBOUND, DEAD_LETTERS], partitions=4)
    _letter(settings, 5, "unknown_number", b"\x00\xffgarbage")
    _letter(settings, 6, "undecodable", b"other")
    code, listed = ringback("dead-letters", "list", "--reason", "unknown_number")
    assert (code, [(d["id"], d["source_offset"], d["cut"]) for d in listed]) == (0, [("0@0", 5, False)])
    code, [verdict] = ringback("dead-letters", "replay", "0@0")
    assert (code, verdict["replayed"]) == (0, True)
    [back] = whole(settings.kafka_config(), [SMS_INBOUND.name])
    assert (back.partition, back.key, back.value) == (2, b"\xffkey", b"\x00\xffgarbage")
    assert list(back.headers) == [(APPENDED_AT, b"1795255200123")]


def test_what_cannot_go_back_is_refused_by_name(
    ringback: Command, fresh_topics: FreshTopics, settings: Settings
) -> None:
    """A cut value, a timer, a place where nothing lies: exit code 1, and the others go back all the same."""
    fresh_topics([SMS_INBOUND, DEAD_LETTERS])
    _letter(settings, 1, "r", b"whole")
    _letter(settings, 2, "r", b"cut", value_length=2_000_000)
    _letter(settings, -1, "r", b"timer", source_topic="reminders.changelog")
    code, verdicts = ringback("dead-letters", "replay", "--reason", "r")
    assert code == 1
    assert [v["replayed"] for v in verdicts] == [True, False, False]
    assert "2000000 bytes" in verdicts[1]["verdict"]
    code, [verdict] = ringback("dead-letters", "replay", "3@99")
    assert (code, verdict["verdict"]) == (1, "not found")
    assert [r.value for r in whole(settings.kafka_config(), [SMS_INBOUND.name])] == [b"whole"]


def test_trace_reads_the_users_partition_alone(
    ringback: Command, fresh_topics: FreshTopics, settings: Settings, tmp_path: Any
) -> None:
    """By phone and by sid, in the order of appending, from where a murmur2 partitioner put the user's records."""
    fresh_topics(partitions=4)
    file = tmp_path / "tenants.yaml"
    file.write_text(f'- {{id: acme, numbers: ["{OURS}"]}}')
    assert ringback("tenants", "apply", str(file))[0] == 0
    user = f"acme|{USER}"
    sid = "SM" + "1" * 32
    request = dict.fromkeys(["subject", "when", "number", "zone"])
    about = {"message_sid": sid, "tenant": "acme", "user": user, "from": USER, "to": OURS}
    value = encode("Request", {**request, **about, "received_at": 1, "text": "list", "command": "list"})
    fact: dict[str, Any] = dict.fromkeys(["due_at", "attempt", "try", "number", "reason"])
    fact |= {"event_id": "e", "type": "SCHEDULED", "tenant": "acme", "user": user, "at": 2}
    fact |= {"reminder_id": reminder_id(sid), "message_sid": sid, "charged": True}
    stranger = {**fact, "user": "x", "message_sid": "SM3", "reminder_id": "r"}
    # A client of its own kind: librdkafka's murmur2, not our arithmetic, decides where the records go.
    other = Producer(
        {"bootstrap.servers": settings.kafka_bootstrap_servers or "", "partitioner": "murmur2_random"}
    )
    other.produce(REQUESTS.name, key=user, value=value)
    other.flush(10)
    other.produce(EVENTS.name, key=user, value=encode("ReminderEvent", fact))
    other.produce(EVENTS.name, key="acme|+14155550999", value=encode("ReminderEvent", stranger))
    other.flush(10)
    for who in (USER, sid, reminder_id(sid)):
        code, steps = ringback("trace", who)
        assert code == 0, who
        assert [(s["topic"], s["partition"]) for s in steps] == [
            (REQUESTS.name, partition_of(user.encode(), 4)),
            (EVENTS.name, partition_of(user.encode(), 4)),
        ]
        assert steps[1]["after_ms"] >= 0
    assert ringback("trace", "+14155550777") == (1, [])
    assert ringback("trace", "SM" + "2" * 32) == (1, [])
