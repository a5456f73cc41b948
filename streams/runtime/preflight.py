"""Before a member joins: are the topics of its stage there, and co-partitioned?"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from streams.runtime.deadline import Deadline
from streams.runtime.errors import Misconfigured, describe
from streams.topology import DEAD_LETTERS, Stage

log = logging.getLogger("ringback.loop")

CALL_TIMEOUT_S = 5.0
AGAIN_S = 0.2
# A broker learns of a topic that was just made a little after the controller.
MISSING_S = 3.0


def check_topics(admin: AdminClient, stage: Stage, give_up: Callable[[], bool]) -> None:
    """Raises Misconfigured when a topic is missing, or when a stage's inputs and changelog differ in partitions.

    Waits, until `give_up()`, for a broker that does not answer.
    """
    changelog = [stage.changelog.name] if stage.changelog else []
    together = [topic.name for topic in stage.reads] + changelog
    others = [topic.name for topic in (*stage.writes, DEAD_LETTERS)]
    patience = Deadline(MISSING_S)
    while not give_up():
        try:
            counts = _partitions(admin, {*together, *others})
        except KafkaException as exception:
            log.warning("%s waits for the broker: %s", stage.name, describe(exception))
            time.sleep(AGAIN_S)
            continue
        missing = sorted(name for name, count in counts.items() if not count)
        if missing and not patience.passed:
            time.sleep(AGAIN_S)
            continue
        if missing:
            raise Misconfigured(f"missing topics: {', '.join(missing)} (ringback topics apply makes them)")
        if len({counts[name] for name in together}) > 1:
            found = ", ".join(f"{name} has {counts[name]}" for name in together)
            raise Misconfigured(f"topics of {stage.name} must have the same number of partitions: {found}")
        return


def _partitions(admin: AdminClient, names: Iterable[str]) -> dict[str, int]:
    """Partition count of each topic, 0 where there is none. Raises KafkaException."""
    counts: dict[str, int] = {}
    described = admin.describe_topics(TopicCollection(sorted(names)), request_timeout=CALL_TIMEOUT_S)
    for name, future in described.items():
        try:
            counts[name] = len(future.result().partitions)
        except KafkaException as exception:
            if exception.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            counts[name] = 0
    return counts
