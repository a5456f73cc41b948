"""The page: valid, complete, and with the families of the exporter that people know."""

from __future__ import annotations

import subprocess

import pytest
from confluent_kafka import KafkaError, KafkaException
from prometheus_client.parser import text_string_to_metric_families

from connectors.lag.exporter import Exporter, Lag, Observer, write
from connectors.lag.figures import measure
from connectors.lag.page import Page, Templates, labelled
from connectors.lag.plan import Backlogs
from connectors.lag.server import patience_s
from streams.lag_metrics import KNOWN, LAG_METRICS
from streams.metrics import METRICS, UndeclaredMetric
from streams.runtime.note import Note
from streams.topology import REMINDERS, REQUESTS
from tests.unit.lag.snapshots import AT_MS, group, snapshot, topic

PARTITION, GROUP = {"topic", "partition"}, {"consumergroup", "topic", "partition"}
KAFKA_EXPORTER: dict[str, set[str]] = {
    "kafka_brokers": set(),
    "kafka_broker_info": {"id", "address"},
    "kafka_topic_partitions": {"topic"},
    "kafka_topic_partition_current_offset": PARTITION,
    "kafka_topic_partition_oldest_offset": PARTITION,
    "kafka_topic_partition_in_sync_replica": PARTITION,
    "kafka_topic_partition_leader": PARTITION,
    "kafka_topic_partition_leader_is_preferred": PARTITION,
    "kafka_topic_partition_replicas": PARTITION,
    "kafka_topic_partition_under_replicated_partition": PARTITION,
    "kafka_consumergroup_current_offset": GROUP,
    "kafka_consumergroup_lag": GROUP,
    "kafka_consumergroup_current_offset_sum": {"consumergroup", "topic"},
    "kafka_consumergroup_lag_sum": {"consumergroup", "topic"},
    "kafka_consumergroup_members": {"consumergroup"},
}
"""danielqsj/kafka_exporter 1.9, as its page was seen on Kafka 4.1; all gauges."""


class Scripted(Observer):
    """Looks at what it is given instead of a cluster."""

    def __init__(self, *looks: Lag | KafkaException) -> None:
        super().__init__({"bootstrap.servers": "127.0.0.1:9"})
        self._looks = list(looks)

    def look(self, timeout_s: float = 0.0) -> Lag:  # noqa: ARG002
        found = self._looks.pop(0)
        if isinstance(found, KafkaException):
            raise found
        return found


def a_look() -> Lag:
    """A cluster with something in every family, and with names that need escaping."""
    timers = group(REMINDERS.group, {REQUESTS.name: [3]})
    timers.notes = {(REQUESTS.name, 0): Note(AT_MS - 2_500, 7).text()}
    taken = snapshot(
        [topic("t", [10, None], stable=[8, None]), topic('od"d\\n%ame', [4]), topic(REQUESTS.name, [3])],
        [group("g", {"t": [4, 5], 'od"d\\n%ame': [-1]}), timers],
    )
    return Lag(taken, measure(taken, Backlogs()))


def parsed(page: bytes) -> dict[str, list[tuple[dict[str, str], float]]]:
    return {
        sample.name: [(s.labels, s.value) for s in family.samples]
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_the_families_of_the_known_exporter_are_all_there() -> None:
    """Same names, same labels, all gauges, on a page as well as in the table."""
    assert {m.name: set(m.labels) for m in KNOWN} == KAFKA_EXPORTER
    assert {m.type for m in KNOWN} == {"gauge"}
    page = Exporter(Scripted(a_look())).page()
    found = {family.name: family for family in text_string_to_metric_families(page.decode())}
    for name, labels in KAFKA_EXPORTER.items():
        assert found[name].type == "gauge"
        assert all(set(sample.labels) == labels for sample in found[name].samples)


def test_every_declared_family_is_on_the_page_and_no_other() -> None:
    """What the table names and what is served are the same, and no process of the pipeline has one of the names."""
    assert set(parsed(Exporter(Scripted(a_look())).page())) == set(LAG_METRICS)
    assert not LAG_METRICS.keys() & METRICS.keys()


def test_names_and_values_come_back_as_they_were() -> None:
    """Quotes, backslashes and percent signs in names; -1; a partition of which nothing is known has no sample."""
    found = parsed(Exporter(Scripted(a_look())).page())
    odd = {"topic": 'od"d\\n%ame', "partition": "0"}
    assert found["kafka_topic_partition_current_offset"] == [
        ({"topic": "t", "partition": "0"}, 10.0),
        (odd, 4.0),
        ({"topic": REQUESTS.name, "partition": "0"}, 3.0),
    ]
    assert ({**odd, "consumergroup": "g"}, -1.0) in found["kafka_consumergroup_lag"]
    assert found["kafka_topic_partition_last_stable_offset_lag"][0] == ({"topic": "t", "partition": "0"}, 2.0)
    assert found["reminders_overdue_seconds"] == [({"partition": "0"}, 2.5)]
    assert found["reminders_pending"] == [({"partition": "0"}, 7.0)]


@pytest.mark.needs("promtool")
def test_promtool_finds_nothing_wrong_but_two_names_that_are_not_ours() -> None:
    """Prometheus' own linter reads the page, and complains of the `_sum` of the exporter that people know alone."""
    page = Exporter(Scripted(a_look())).page()
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)
    complaints = done.stderr.decode().splitlines()
    assert [line.split()[0] for line in complaints] == [
        "kafka_consumergroup_current_offset_sum",
        "kafka_consumergroup_lag_sum",
    ], complaints


def test_a_cluster_that_is_away_leaves_nothing_of_the_past(caplog: pytest.LogCaptureFixture) -> None:
    """kafka_up is 0, no other kafka_ or reminders_ sample is on the page, the log says why, once; then it is back."""
    away = KafkaException(KafkaError(KafkaError._TRANSPORT, "connection refused"))
    exporter = Exporter(Scripted(a_look(), away, away, a_look()))
    assert parsed(exporter.page())["kafka_up"] == [({}, 1.0)]
    for number in (1, 2):
        found = parsed(exporter.page())
        assert found["kafka_up"] == [({}, 0.0)]
        assert [name for name in found if name.startswith(("kafka_", "reminders_"))] == ["kafka_up"]
        assert ({"result": "failed"}, float(number)) in found["ringback_lag_scrapes_total"]
    assert "connection refused" in caplog.text
    assert len(caplog.records) == 1
    found = parsed(exporter.page())
    assert found["kafka_up"] == [({}, 1.0)]
    assert "kafka_consumergroup_lag" in found


def test_missing_answers_are_logged_when_they_change(caplog: pytest.LogCaptureFixture) -> None:
    """A group whose coordinator is away costs one line and not one a scrape, and is counted each time."""
    whole, broken = a_look(), a_look()
    broken.snapshot.missed("group", "group g is not described: timed out", silent=True)
    exporter = Exporter(Scripted(whole, broken, broken, whole))
    pages = [parsed(exporter.page()) for _ in range(4)]
    counts = [
        {row[0]["what"]: row[1] for row in page["ringback_lag_errors_total"]}["group"] for page in pages
    ]
    assert counts == [0.0, 1.0, 2.0, 2.0]
    assert [record.getMessage() for record in caplog.records] == [
        "1 answers are missing, so their samples are absent; the first: group g is not described: timed out",
        "no answer is missing any more",
    ]


def test_nothing_undeclared_is_written() -> None:
    """A name or a label that the table does not have is our mistake."""
    page = Page(Templates())
    with pytest.raises(UndeclaredMetric, match="not declared"):
        page.add("kafka_made_up", 1)
    with pytest.raises(UndeclaredMetric, match="has the labels"):
        page.add_partitions("kafka_consumergroup_lag", [1], topic="t")
    with pytest.raises(UndeclaredMetric, match="has the labels"):
        page.add("kafka_up", 1, topic="t")


def test_templates_are_used_again_and_forgotten_with_their_group() -> None:
    """A line costs what its number costs, and a group that is gone costs nothing."""
    templates = Templates()
    first = templates.lines("kafka_consumergroup_lag", (("consumergroup", "g"), ("topic", "t")), 2)
    templates.turn()
    assert templates.lines("kafka_consumergroup_lag", (("consumergroup", "g"), ("topic", "t")), 2) is first
    templates.turn()
    templates.turn()
    assert (
        templates.lines("kafka_consumergroup_lag", (("consumergroup", "g"), ("topic", "t")), 2) is not first
    )


def test_a_page_is_the_same_whatever_was_on_the_last() -> None:
    """A topic that grew, and a partition that lost its leader for one page."""
    templates = Templates()

    def page(look: Lag) -> bytes:
        made = Page(templates)
        write(made, look)
        templates.turn()
        return made.text()

    usual, grown = a_look(), snapshot([topic("t", [10, 11, 12])], [group("g", {"t": [1, 2, 3]})])
    fresh = page(usual)
    page(Lag(grown, measure(grown, None)))
    assert page(usual) == fresh


def test_labels_are_written_in_order() -> None:
    """As Prometheus' own libraries write them, so that two pages can be compared line by line."""
    assert labelled({"topic": "a\nb", "consumergroup": "g"}) == '{consumergroup="g",topic="a\\nb"}'
    assert labelled({}) == ""


@pytest.mark.parametrize(
    ("header", "expected"), [("10", 9.5), ("1", 0.5), ("0.5", 0.25), (None, 9.0), ("soon", 9.0)]
)
def test_a_scrape_ends_before_prometheus_gives_up(header: str | None, expected: float) -> None:
    """The header that Prometheus sends with each scrape bounds it."""
    assert patience_s(header) == expected
