"""The backfill as a service: what is away costs a round, and no SMS."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from connectors.backfill import Comparison, Lost
from connectors.settings import Settings
from infra.run import backfill
from infra.run.backfill import LONGEST_SPAN_MS, MARGIN_MS, BackfillService, NoNumbersError
from streams.once.carrier import CarrierMessage, CarrierUnavailableError
from streams.topology import DAY_MS, SMS_INBOUND

NOW_MS, MINUTE_MS, HOUR_MS = 1_795_000_000_000, 60_000, 3_600_000


class Rounds:
    """Stands for `one_round`: notes each span, and does what `then` says next."""

    def __init__(self) -> None:
        self.spans: list[tuple[int, int]] = []
        self.then: list[Exception | list[Lost]] = []

    def __call__(self, _: Settings, since_ms: int, until_ms: int, report: Any, **__: Any) -> Comparison:
        self.spans.append((since_ms, until_ms))
        come = self.then.pop(0) if self.then else []
        if isinstance(come, Exception):
            raise come
        for lost in come:
            report.lost(lost)
        return Comparison(since_ms, until_ms, listed=7)


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> Rounds:
    rounds = Rounds()
    monkeypatch.setattr(backfill, "one_round", rounds)
    return rounds


def service(stop: threading.Event | None = None) -> BackfillService:
    return BackfillService(Settings(), 2 * HOUR_MS, 30_000, 60.0, stop or threading.Event())


def lost(sid: str, action: str) -> Lost:
    return Lost(CarrierMessage(sid, "+14155550100", "12345", "received", NOW_MS, "x"), "acme", action)


def test_rounds_join_up_with_an_overlap(rounds: Rounds) -> None:
    """The first looks --since back, the next to where the last good one ended, less the margin; none is too young."""
    running = service()
    for minute in range(3):
        running.round(NOW_MS + minute * MINUTE_MS)
    ends = [NOW_MS + minute * MINUTE_MS - 30_000 for minute in range(3)]
    assert rounds.spans == [
        (NOW_MS - 2 * HOUR_MS, ends[0]),
        (ends[0] - MARGIN_MS, ends[1]),
        (ends[1] - MARGIN_MS, ends[2]),
    ]
    assert running.metrics.value("ringback_backfill_listed_total") == 21


@pytest.mark.parametrize(
    ("away", "result"),
    [
        (CarrierUnavailableError("HTTP 503"), "carrier_away"),
        (KafkaException(KafkaError(KafkaError._TRANSPORT, "gone")), "kafka_away"),
    ],
)
def test_what_is_away_is_counted_and_made_up_for(rounds: Rounds, away: Exception, result: str) -> None:
    """An hour without an answer: the first round after it covers the hour."""
    running = service()
    running.round(NOW_MS)
    rounds.then = [away] * 60
    for minute in range(1, 61):
        running.round(NOW_MS + minute * MINUTE_MS)
    running.round(NOW_MS + 61 * MINUTE_MS)
    assert rounds.spans[-1][0] == NOW_MS - 30_000 - MARGIN_MS
    assert running.metrics.value("ringback_backfill_rounds_total", result=result) == 60
    assert running.metrics.value("ringback_backfill_rounds_total", result="good") == 2


def test_a_span_never_reaches_beyond_what_the_log_keeps(rounds: Rounds) -> None:
    """After weeks of failed rounds an SMS that was processed and has left the log would look lost."""
    running = service()
    running.round(NOW_MS)
    running.round(NOW_MS + 20 * DAY_MS)
    assert rounds.spans[-1][0] == NOW_MS + 20 * DAY_MS - LONGEST_SPAN_MS
    assert SMS_INBOUND.retention_ms is not None
    assert SMS_INBOUND.retention_ms > LONGEST_SPAN_MS + MARGIN_MS


def test_what_waiting_does_not_mend_ends_it(rounds: Rounds) -> None:
    """No tenant has a number: wrong use, not a round that failed."""
    rounds.then = [NoNumbersError("no tenant")]
    with pytest.raises(NoNumbersError):
        service().run()


def test_an_unusable_sms_is_told_once_and_not_at_each_round_that_meets_it(rounds: Rounds) -> None:
    """Rounds overlap, and it stays lost; what is injected is another one each time."""
    running = service()
    rounds.then = [[lost("SM1", "unusable"), lost("SM2", "injected")], [lost("SM1", "unusable")], []]
    for minute in range(3):
        running.round(NOW_MS + minute * MINUTE_MS)
    count = running.metrics.value
    assert count("ringback_backfill_unusable_total", tenant="acme") == 1
    assert count("ringback_backfill_injected_total", tenant="acme") == 1
    assert count("ringback_backfill_lost_total", tenant="acme") == 2


def test_ready_means_that_rounds_are_good(rounds: Rounds) -> None:
    """Not before the first one, and the page tells the age of the last."""
    running = service()
    rounds.then = [CarrierUnavailableError("away")]
    running.round(NOW_MS)
    before = running.ready
    running.round(NOW_MS)
    assert (before, running.ready) == (False, True)
    assert b"ringback_backfill_good_round_age_seconds" in running.metrics.page()[0]
    assert 0 <= running.metrics.value("ringback_backfill_good_round_age_seconds") < 60


def test_a_round_that_a_stop_broke_off_counts_for_nothing(rounds: Rounds) -> None:
    """Its span is looked at again by whoever comes next."""
    stop = threading.Event()
    running = service(stop)
    stop.set()
    running.round(NOW_MS)
    assert running.since(NOW_MS + MINUTE_MS) == NOW_MS + MINUTE_MS - 2 * HOUR_MS
    assert len(rounds.spans) == 1
