"""Finding topics on a cluster whose nodes hear of a new one after each other."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource

from connectors.kafka.topics import FoundTopic, find


class Nodes:
    """Lists `fresh` at once; the node that is asked for its settings says `answers` first, in turn."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)

    def list_topics(self, timeout: float) -> Any:
        assert timeout <= 5.0
        fresh = SimpleNamespace(error=None, partitions={0: SimpleNamespace(replicas=[1, 2, 3])})
        return SimpleNamespace(topics={"fresh": fresh})

    def describe_configs(
        self, resources: list[ConfigResource], request_timeout: float
    ) -> dict[ConfigResource, Future[Any]]:
        assert request_timeout > 0
        answer: Future[Any] = Future()
        if self.answers:
            answer.set_exception(KafkaException(KafkaError(self.answers.pop(0))))
        else:
            answer.set_result({"cleanup.policy": SimpleNamespace(value="compact")})
        return dict.fromkeys(resources, answer)


def test_a_node_that_has_not_heard_of_a_topic_is_asked_again() -> None:
    """It was listed, so it is there: saying that it is not would have it created, or a program end for nothing."""
    nodes = Nodes(KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.UNKNOWN_TOPIC_OR_PART)
    found = find(cast(AdminClient, nodes), ["fresh", "other"])
    assert found == {"fresh": FoundTopic(1, 3, {"cleanup.policy": "compact"})}


@pytest.mark.parametrize(
    ("code", "timeout_s"),
    [(KafkaError.TOPIC_AUTHORIZATION_FAILED, 5.0), (KafkaError.UNKNOWN_TOPIC_OR_PART, 0.0)],
)
def test_other_errors_and_the_deadline_are_told(code: int, timeout_s: float) -> None:
    """Asking again would not help, or was done for long enough."""
    with pytest.raises(KafkaException) as told:
        find(cast(AdminClient, Nodes(code, code, code)), ["fresh"], timeout_s)
    assert told.value.args[0].code() == code
