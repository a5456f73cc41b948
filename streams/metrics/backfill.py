"""SMS whose webhook was lost, found by comparison with the carrier's list."""

from __future__ import annotations

from streams.metrics.metric import CONTEXT, Metric

BACKFILL = (
    Metric(
        "ringback_backfill_listed_total",
        "counter",
        "SMS",
        (),
        "SMS from users that the carrier has listed to us; rounds overlap, so one SMS is listed more than once",
        f"{CONTEXT}; 0 for long while people write: the account or its numbers are others than the gateway's",
    ),
    Metric(
        "ringback_backfill_lost_total",
        "counter",
        "SMS",
        ("tenant",),
        "SMS that the carrier has and sms.inbound had not",
        "a rise: webhooks get lost; look at the gateway's refusals, and whether the carrier reaches PUBLIC_URL",
    ),
    Metric(
        "ringback_backfill_injected_total",
        "counter",
        "SMS",
        ("tenant",),
        "lost SMS that were written to sms.inbound and confirmed by Kafka",
        "less than lost and unusable explain: the log has the error; the next round writes them",
    ),
    Metric(
        "ringback_backfill_unusable_total",
        "counter",
        "SMS",
        ("tenant",),
        "lost SMS that no stage could read, such as those of a sender without a number",
        "the log has sid and reason; nothing to do for senders without a number",
    ),
    Metric(
        "ringback_backfill_rounds_total",
        "counter",
        "rounds",
        ("result",),
        "comparisons of the carrier's list with sms.inbound: good, carrier_away, kafka_away",
        "other than good: `ringback doctor` for whichever did not answer",
    ),
    Metric(
        "ringback_backfill_good_round_age_seconds",
        "gauge",
        "seconds",
        (),
        "since the last good round, or the start",
        "more than a few intervals: what is lost is not found; the log says why, `ringback backfill --dry-run` by hand",
    ),
)
