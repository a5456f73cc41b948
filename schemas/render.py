"""A record as JSON for people and scripts (`ringback cat`): what the Avro JSON encoding is not meant for.

Times are ISO 8601 in UTC with milliseconds and Z, decimals plain strings (never 1E+2), bytes base64,
unions without the name of their branch. A value that has no such form (a time beyond year 9999) is shown
as the number it is: showing a broken record must not fail.
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

from schemas import catalog

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_json(name: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """`record` of the current schema `name` as JSON values. KeyError when there is no such schema."""
    return render(catalog.current()[name].schema, record)


def render(schema: catalog.Schema, record: Mapping[str, Any]) -> dict[str, Any]:
    """`record` of any version of a record `schema` as JSON values."""
    return {
        field["name"]: _value(field["type"], record[field["name"]])
        for field in schema["fields"]
        if field["name"] in record
    }


def iso_time(epoch_ms: int) -> str | int:
    """1790000000000 -> "2026-09-21T14:13:20.000Z"; the number itself beyond the years 1 to 9999."""
    try:
        moment = EPOCH + timedelta(milliseconds=epoch_ms)
    except OverflowError:
        return epoch_ms
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _value(schema: Any, value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return value if isfinite(value) else str(value)  # JSON has no NaN
    return _structured([schema] if not isinstance(schema, list) else schema, value)


def _structured(branches: list[Any], value: Any) -> Any:
    """An int, array, map or record: what it is called in the schema decides how it is shown."""
    for branch in branches:
        if not isinstance(branch, dict):
            continue
        if isinstance(value, int) and branch.get("logicalType") == "timestamp-millis":
            return iso_time(value)
        if isinstance(value, list) and branch["type"] == "array":
            return [_value(branch["items"], item) for item in value]
        if isinstance(value, dict) and branch["type"] == "map":
            return {key: _value(branch["values"], item) for key, item in value.items()}
        if isinstance(value, dict) and branch["type"] == "record":
            return render(branch, value)
    return value
