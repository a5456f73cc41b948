"""The records of one account and how the API lists them: filters and paging of the 2010-04-01 version."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from itertools import islice
from typing import Generic, TypeVar
from urllib.parse import urlencode

from infra.simulator.records import Call, Message

Record = TypeVar("Record", Call, Message)
DAY_MS = 86_400_000
DEFAULT_PAGE = 50
MAX_PAGE = 1000
CALL_TIMES = {"StartTime": "started_at", "EndTime": "ended_at"}
MESSAGE_TIMES = {"DateSent": "started_at"}


class QueryError(Exception):
    """A filter that cannot be read."""


class Ledger(Generic[Record]):
    """Records in order of creation, found by sid, and by `to` without looking through all of them."""

    def __init__(self, times: Mapping[str, str], keep: int) -> None:
        self._times = times
        self._keep = keep
        self._by_sid: dict[str, Record] = {}
        self._by_to: dict[str, dict[str, Record]] = {}

    def add(self, record: Record) -> None:
        self._by_sid[record.sid] = record
        self._by_to.setdefault(record.to, {})[record.sid] = record
        if len(self._by_sid) > self._keep:
            self._forget()

    def get(self, sid: str) -> Record | None:
        return self._by_sid.get(sid)

    def all(self) -> Iterable[Record]:
        return self._by_sid.values()

    def page(self, query: Mapping[str, str]) -> tuple[list[Record], str | None]:
        """Newest first: (the records of the page that `query` asks for, the token of the next page or None).

        A page starts after the record that its token names, so records created meanwhile move nothing.
        Raises QueryError.
        """
        to = query.get("To")
        pool = self._by_sid if to is None else self._by_to.get(to, {})
        wanted = (record for record in reversed(pool.values()) if self._matches(record, query))
        token = query.get("PageToken")
        if token is not None:
            last = token[2:]
            for record in wanted:
                if record.sid == last:
                    break
        size = page_size(query)
        found = list(islice(wanted, size + 1))
        more = len(found) > size
        found = found[:size]
        return found, ("PA" + found[-1].sid) if more else None

    def _matches(self, record: Record, query: Mapping[str, str]) -> bool:
        if "From" in query and record.from_ != query["From"]:
            return False
        if "Status" in query and record.status != query["Status"]:
            return False
        if "ParentCallSid" in query:  # none of ours has a parent
            return False
        return all(_in_time(getattr(record, field), name, query) for name, field in self._times.items())

    def _forget(self) -> None:
        record = next((record for record in self._by_sid.values() if record.ended), None)
        if record is None:
            return
        sid = record.sid
        del self._by_sid[sid]
        of_number = self._by_to[record.to]
        del of_number[sid]
        if not of_number:
            del self._by_to[record.to]


def page_size(query: Mapping[str, str]) -> int:
    given = query.get("PageSize", str(DEFAULT_PAGE))
    if not given.isdecimal() or int(given) < 1:
        raise QueryError("PageSize must be a number from 1")
    return min(int(given), MAX_PAGE)


def page_uri(path: str, query: Mapping[str, str], page: int, token: str | None) -> str:
    fields = {name: value for name, value in query.items() if name not in {"Page", "PageToken", "PageSize"}}
    fields |= {"PageSize": str(page_size(query)), "Page": str(page)}
    if token is not None:
        fields["PageToken"] = token
    return f"{path}?{urlencode(fields)}"


def _in_time(at_ms: int | None, name: str, query: Mapping[str, str]) -> bool:
    """Filters on a time know only UTC dates, and a record without that time passes none of them."""
    on, before, after = query.get(name), query.get(name + "<"), query.get(name + ">")
    if on is None and before is None and after is None:
        return True
    if at_ms is None:
        return False
    day = at_ms // DAY_MS
    return (
        (on is None or day == _day(on))
        and (before is None or day < _day(before))
        and (after is None or day >= _day(after))
    )


def _day(text: str) -> int:
    try:
        return (datetime.fromisoformat(text).date() - date(1970, 1, 1)).days
    except ValueError as error:
        raise QueryError(f"not a date: {text}") from error
