"""What an answer that did not come is taken for."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

from connectors.lag.survey import _silent


def test_silence_is_not_refusal() -> None:
    """librdkafka tells errors of its own (nobody answered) as exceptions here and as bare errors there; a broker that
    refuses has answered, and a new client would hear the same."""
    timed_out = KafkaError(KafkaError._TIMED_OUT)
    refused = KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)
    assert _silent(timed_out)
    assert _silent(KafkaException(timed_out))
    assert not _silent(refused)
    assert not _silent(KafkaException(refused))
    assert not _silent(KafkaException())
