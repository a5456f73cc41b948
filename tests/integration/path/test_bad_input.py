"""What cannot be an SMS ends as a dead letter with its bytes, and the partition goes on."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable

import pytest

from schemas import codec
from tests.integration.path.pipeline import Pipeline


@pytest.mark.integration
@pytest.mark.timeout(90)
def test_garbage_on_the_inbound_topic_is_set_aside_and_the_partition_goes_on(
    pipeline: Pipeline, new_user: Callable[[], str]
) -> None:
    """Random bytes, truncated Avro, JSON of the wrong shape, a body of 1 MB: each with its reason and its bytes."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    user = new_user()
    sms = {"message_sid": "SMx", "from": user, "to": "+14155550100", "body": "hi", "received_at": 1}
    avro = codec.encode("SmsReceived", sms)
    garbage = [
        random.Random(seed).randbytes(64),
        avro[:-3],
        b'{"message_sid": "SMy", "from": 5}',
        b'{"message_sid": "SMz", "from": "+1", "to": "+2", "body": "' + b"x" * 999_000 + b'"}',
        b"",
    ]
    for stage in ("inbound", "reminders", "calls", "replies", "billing"):
        pipeline.start_stage(stage)
    for value in garbage:
        pipeline.produce("sms.inbound", value, key=user.encode())
    pipeline.produce("sms.inbound", _json(user, "SMafter", "help"), key=user.encode())
    pipeline.sent.append("SMafter")
    pipeline.wait_until("the SMS behind the garbage has its outcome", lambda: pipeline.ledger().settled)

    letters = [value for _, value in pipeline.records("dead.letters")]
    by_hash = {letter["value_sha256"]: letter for letter in letters}
    for value in garbage:
        letter = by_hash[hashlib.sha256(value).hexdigest()]
        assert letter["source_topic"] == "sms.inbound"
        assert letter["reason"] == "undecodable"
        assert letter["value_length"] == len(value)
        assert letter["value"] == value[: len(letter["value"])]
        assert len(letter["value"]) == len(value) or len(value) > 900_000
    assert len(letters) == len(garbage), "each once"


def _json(user: str, sid: str, body: str) -> bytes:
    return f'{{"message_sid": "{sid}", "from": "{user}", "to": "+14155550100", "body": "{body}"}}'.encode()
