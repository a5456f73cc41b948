"""One look at the lag, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from connectors.lag.notes import notes, overdue_s
from infra.cli.output import duration, instant, table

if TYPE_CHECKING:
    from rich.console import Group

    from connectors.lag.exporter import Lag
    from connectors.lag.figures import TopicLag
    from connectors.lag.snapshot import GroupState, TopicState

NONE = "-"
_HEAD = ("GROUP", "STATE", "MEMBERS", "TOPIC", "PARTITION", "LAG", "READABLE", "OLDEST")
Row = tuple[str, ...]


def as_object(found: Lag) -> dict[str, Any]:
    """`at` (RFC 3339), `brokers`, `missing`, `groups`, `reminders`; null for what is not known. `exact` false: an
    estimate. `missing`: answers of the cluster that did not come."""
    snapshot = found.snapshot
    return {
        "at": instant(snapshot.at_ms),
        "brokers": len(snapshot.brokers),
        "missing": sum(snapshot.errors.values()),
        "groups": [
            {
                "group": group.name,
                "state": group.state,
                "protocol": group.protocol,
                "members": group.members,
                "topics": [_topic_object(lag, snapshot.topics[lag.topic]) for lag in lags],
            }
            for group, lags in found.lags.groups
        ],
        "reminders": [
            {
                "partition": number,
                "pending": note.pending,
                "overdue_seconds": overdue_s(note, snapshot.at_ms),
            }
            for number, note in notes(snapshot)
        ],
    }


def _topic_object(lag: TopicLag, topic: TopicState) -> dict[str, Any]:
    return {
        "topic": lag.topic,
        "lag": lag.lag_sum if lag.current else None,
        "readable_records": _sum(lag.readable),
        "lag_seconds": oldest_s(lag),
        "exact": all(lag.exact),
        "partitions": [
            {
                "partition": number,
                "current_offset": lag.current[number] if lag.current else None,
                "log_end_offset": topic.end[number],
                "last_stable_offset": topic.stable[number],
                "lag": lag.lag[number] if lag.lag else None,
                "readable_records": lag.readable[number],
                "lag_seconds": lag.seconds[number],
                "exact": lag.exact[number],
            }
            for number in range(topic.partitions)
        ],
    }


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def oldest_s(lag: TopicLag) -> float | None:
    """The age of the oldest record behind, of all partitions; None also where a partition has some of unknown age."""
    if any(age is None and records for age, records in zip(lag.seconds, lag.readable, strict=True)):
        return None
    return max((age for age in lag.seconds if age is not None), default=None)


def rows(found: Lag, partitions: bool) -> Iterator[Row]:
    """The cells of the table; a group's own cells stand in its first row."""
    for group, lags in found.lags.groups:
        head = (group.name, group.state, NONE if group.members is None else str(group.members))
        for cells in _group_rows(group, lags, partitions):
            yield (*head, *cells)
            head = ("", "", "")


def _group_rows(_group: GroupState, lags: Sequence[TopicLag], partitions: bool) -> Iterator[Row]:
    if not lags:
        yield (NONE,) * 5
    for lag in lags:
        if not partitions:
            total = str(lag.lag_sum) if lag.current else NONE
            yield _cells(lag.topic, "all", total, _sum(lag.readable), all(lag.exact), oldest_s(lag))
            continue
        for number in range(len(lag.readable)):
            offset = lag.lag[number] if lag.lag else None
            yield _cells(
                lag.topic,
                str(number),
                NONE if offset is None or offset < 0 else str(offset),
                lag.readable[number],
                lag.exact[number],
                lag.seconds[number],
            )


def _cells(
    topic: str, partition: str, lag: str, readable: int | None, exact: bool, age_s: float | None
) -> Row:
    records = NONE if readable is None else f"{'' if exact else '~'}{readable}"
    return (topic, partition, lag, records, NONE if age_s is None else duration(age_s * 1000))


def _footer(found: Lag) -> list[str]:
    """What stands under the table."""
    snapshot = found.snapshot
    count = sum(snapshot.errors.values())
    missing = f"{count} answers are missing; the first: {snapshot.why}" if count else ""
    return [line for line in (_timers(found), missing) if line]


def _timers(found: Lag) -> str:
    """The timer stream in a line; nothing where nothing is known of it."""
    known = [note for _, note in notes(found.snapshot)]
    if not known:
        return ""
    pending = sum(note.pending for note in known)
    late_s = max(overdue_s(note, found.snapshot.at_ms) for note in known)
    return f"timer stream: {pending} pending, " + (
        f"{duration(late_s * 1000)} overdue" if late_s else "on time"
    )


def plain(found: Lag, partitions: bool) -> str:
    """As text, for a pipe."""
    return "\n".join([table([_HEAD, *rows(found, partitions)]), *_footer(found)])


def rich_table(found: Lag, partitions: bool) -> Group:
    """As a table for a terminal."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in _HEAD:
        shown.add_column(name, justify="right" if name in _HEAD[5:] or name == "MEMBERS" else "left")
    for row in rows(found, partitions):
        # No markup in what others have named.
        shown.add_row(*(Text(cell) for cell in row))
    footer = [*_footer(found), f"at {instant(found.snapshot.at_ms)}"]
    return Group(shown, *map(Text, footer))
