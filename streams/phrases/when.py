"""What the words of a text say about time, before anybody's clock or zone is known.

`When` is the flat record of the same name in `schemas/request.avsc`: a field there is a field here, with the
same meaning. Every field is optional; a `When` without any is falsy in `is_empty`. It travels through Kafka and
may be read a year later, so fields are added, never changed.
"""

from __future__ import annotations

from typing import Any

import msgspec


class When(msgspec.Struct, frozen=True, omit_defaults=True):
    """Zone-free meaning of time words.

    The day is given by at most one of: `in_days`; `in_months` (with or without `day`); `weekday`;
    `month`+`day` with or without `year`; `day` alone. The time of day by `hour` (with `minute`, `second`) or
    `day_part`. `in_seconds` is a duration and comes with neither, unless `in_days` is one too ("1 day and 2 h").
    """

    in_seconds: int | None = None  # exact duration from receipt
    in_days: int | None = None  # calendar days from today; with `weekday`: days after that weekday
    in_months: int | None = None  # calendar months from this month
    keep_time: bool = False  # "in 2 days": at the wall time of receipt, where no time is given
    year: int | None = None
    month: int | None = None  # 1..12
    day: int | None = None  # 1..31; -1 is the last day of the month
    numeric_date: bool = False  # month and day were digits that could be swapped: the country orders them
    weekday: int | None = None  # 0 Monday .. 6 Sunday
    weeks_ahead: int | None = None  # with weekday: 0 or None the coming one, 1 next (ISO) week's
    hour: int | None = None  # 0..23, or 1..12 with `twelve_hour`
    minute: int | None = None
    second: int | None = None
    twelve_hour: bool = False  # no am or pm was said
    day_part: str | None = None  # morning, noon, afternoon, evening, night, midnight, end
    zone: str | None = None  # IANA name or fixed offset such as "+02:00"
    rule: str | None = None  # RFC 5545 RRULE without DTSTART, where the text asks for repetition

    @property
    def is_empty(self) -> bool:
        return self == _EMPTY

    def to_record(self) -> dict[str, Any]:
        """The Avro record, every field present."""
        return msgspec.structs.asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> When:
        """The inverse of `to_record`; fields of a newer schema that we do not know are ignored."""
        return msgspec.convert(record, cls)


_EMPTY = When()
