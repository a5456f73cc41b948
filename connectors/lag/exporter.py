"""The lag exporter: asks the cluster, reads what it must, and writes the page."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from confluent_kafka import KafkaException

from connectors.lag.figures import Lags, TopicLag, measure, wanted
from connectors.lag.notes import notes, overdue_s
from connectors.lag.page import Page, Templates
from connectors.lag.plan import Backlogs
from connectors.lag.reading import Reader
from connectors.lag.snapshot import GroupState, Snapshot, TopicState
from connectors.lag.survey import Survey
from streams.runtime.deadline import Deadline

log = logging.getLogger("ringback.lag")

# Prometheus gives up after 10 s unless told otherwise, and says how long it waits.
SCRAPE_S = 9.0
# Reading for one page, in wall time and in records: 50 ms of CPU.
READ_S = 2.0
MOST_RECORDS = 50_000

Wants = Callable[[str], bool]


def everything(_name: str) -> bool:
    """The filter that lets all through."""
    return True


@dataclass(frozen=True, slots=True)
class Lag:
    """One look at a cluster."""

    snapshot: Snapshot
    lags: Lags


class Observer:
    """Looks at the lag of a cluster, again and again. Without `backlogs` no record is ever read. Not thread-safe."""

    def __init__(
        self,
        config: Mapping[str, str],
        *,
        group: Wants = everything,
        topic: Wants = everything,
        backlogs: Backlogs | None = None,
        read_s: float = READ_S,
    ) -> None:
        self._survey = Survey(config)
        self._group, self._topic = group, topic
        self._read_s = read_s
        self._backlogs = backlogs
        self.reader = Reader(config)

    def look(self, timeout_s: float = SCRAPE_S) -> Lag:
        """Raises KafkaException when the cluster does not answer in that time."""
        deadline = Deadline(timeout_s)
        snapshot = self._survey.take(timeout_s, self._group, self._topic)
        if self._backlogs is not None:
            readings = self._backlogs.plan(wanted(snapshot), MOST_RECORDS)
            try:
                if readings:
                    left_s = min(self._read_s, deadline.left_s())
                    self.reader.read(readings, self._backlogs, Deadline(left_s))
            except KafkaException as error:
                # The offsets are known all the same; what was not read is an estimate.
                log.warning("records are not read: %s", error)
                self.reader.errors += 1
        return Lag(snapshot, measure(snapshot, self._backlogs))

    def close(self) -> None:
        self.reader.close()


@dataclass(slots=True)
class _Counts:
    """What has happened since the start."""

    scrapes: dict[str, int] = field(default_factory=lambda: {"ok": 0, "failed": 0})
    errors: dict[str, int] = field(default_factory=lambda: {"partition": 0, "group": 0, "records": 0})


class Exporter:
    """Pages for Prometheus. Thread-safe: those who ask while a page is being made get that one."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._templates = Templates()
        self._counts = _Counts()
        self._up: bool | None = None
        self._missing: dict[str, int] = {}
        self._turn = threading.Lock()
        self._made = 0
        self._page = b""

    def page(self, timeout_s: float = SCRAPE_S) -> bytes:
        """The page of now; without a single figure of the cluster when it does not answer."""
        seen = self._made
        with self._turn:
            # Somebody else's page was begun after we had asked: ours would be the same.
            if self._made >= seen + 2:
                return self._page
            self._page = self._make(timeout_s)
            self._made += 1
            return self._page

    def _make(self, timeout_s: float) -> bytes:
        begun_s = time.monotonic()
        page = Page(self._templates)
        try:
            found = self._observer.look(timeout_s)
        except KafkaException as error:
            self._tell(False, str(error.args[0] if error.args else error))
            self._counts.scrapes["failed"] += 1
            page.add("kafka_up", 0)
        else:
            self._tell(True)
            self._tell_missing(found.snapshot)
            self._counts.scrapes["ok"] += 1
            for what, count in found.snapshot.errors.items():
                self._counts.errors[what] = self._counts.errors.get(what, 0) + count
            write(page, found)
            self._templates.turn()
        self._counts.errors["records"] = self._observer.reader.errors
        for result, count in self._counts.scrapes.items():
            page.add("ringback_lag_scrapes_total", count, result=result)
        for what, count in self._counts.errors.items():
            page.add("ringback_lag_errors_total", count, what=what)
        page.add("ringback_lag_records_read_total", self._observer.reader.records_read)
        page.add("ringback_lag_scrape_seconds", round(time.monotonic() - begun_s, 4))
        return page.text()

    def _tell(self, up: bool, why: str = "") -> None:
        """A line when it changes, not one a scrape."""
        if up == self._up:
            return
        if not up:
            log.error(
                "no answer from the cluster, kafka_up is 0 and no other kafka_ figure is served: %s", why
            )
        elif self._up is not None:
            log.warning("the cluster answers again")
        self._up = up

    def _tell_missing(self, snapshot: Snapshot) -> None:
        """A line when other answers are missing than a page ago."""
        if snapshot.errors != self._missing:
            count = sum(snapshot.errors.values())
            if count:
                log.warning(
                    "%d answers are missing, so their samples are absent; the first: %s", count, snapshot.why
                )
            else:
                log.warning("no answer is missing any more")
            self._missing = dict(snapshot.errors)

    def close(self) -> None:
        with self._turn:
            self._observer.close()


def write(page: Page, found: Lag) -> None:
    """Every family that tells of the cluster."""
    snapshot, lags = found.snapshot, found.lags
    page.add("kafka_up", 1)
    page.add("kafka_brokers", len(snapshot.brokers))
    for broker in snapshot.brokers:
        page.add("kafka_broker_info", 1, id=str(broker.id), address=broker.address)
    for topic in snapshot.topics.values():
        _write_topic(page, topic)
    for group, topics in lags.groups:
        if group.members is not None:
            page.add("kafka_consumergroup_members", group.members, consumergroup=group.name)
        for each in topics:
            _write_lag(page, group, each)
    page.add("ringback_lag_estimated", lags.estimated)
    page.add("ringback_lag_unread", lags.unread)
    for number, note in notes(snapshot):
        page.add("reminders_overdue_seconds", overdue_s(note, snapshot.at_ms), partition=str(number))
        page.add("reminders_pending", note.pending, partition=str(number))


def _write_topic(page: Page, topic: TopicState) -> None:
    name = topic.name
    page.add("kafka_topic_partitions", topic.partitions, topic=name)
    behind = [
        None if end is None or stable is None else max(0, end - stable)
        for end, stable in zip(topic.end, topic.stable, strict=True)
    ]
    thin = [int(here < wanted) for here, wanted in zip(topic.in_sync, topic.replicas, strict=True)]
    page.add_partitions("kafka_topic_partition_current_offset", topic.end, topic=name)
    page.add_partitions("kafka_topic_partition_oldest_offset", topic.start, topic=name)
    page.add_partitions("kafka_topic_partition_leader", topic.leader, topic=name)
    page.add_partitions("kafka_topic_partition_replicas", topic.replicas, topic=name)
    page.add_partitions("kafka_topic_partition_in_sync_replica", topic.in_sync, topic=name)
    page.add_partitions("kafka_topic_partition_leader_is_preferred", topic.preferred, topic=name)
    page.add_partitions("kafka_topic_partition_under_replicated_partition", thin, topic=name)
    page.add_partitions("kafka_topic_partition_last_stable_offset_lag", behind, topic=name)


def _write_lag(page: Page, group: GroupState, lag: TopicLag) -> None:
    labels = {"consumergroup": group.name, "topic": lag.topic}
    if lag.current:
        page.add_partitions("kafka_consumergroup_current_offset", lag.current, **labels)
        page.add_partitions("kafka_consumergroup_lag", lag.lag, **labels)
        page.add("kafka_consumergroup_current_offset_sum", lag.current_sum, **labels)
        page.add("kafka_consumergroup_lag_sum", lag.lag_sum, **labels)
    page.add_partitions("kafka_consumergroup_readable_records", lag.readable, **labels)
    page.add_partitions("kafka_consumergroup_lag_seconds", lag.seconds, **labels)
