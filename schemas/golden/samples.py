"""Sample records of a schema, always the same ones: what the golden bytes are made of.

Sample i takes branch i of every union, so that together they visit every branch, null or not; the values get
stranger from sample to sample, so that they visit empty and long, zero and extreme as well.
"""

from decimal import Decimal
from typing import Any

from schemas.catalog import Schema

TEXTS = ("", "Remind me to buy milk at 6:30 PM", "čaj o páté ☕ 𝄞 \u200f\x00 end", "x" * 130)
NUMBERS = {
    "int": (0, 1, -(2**31), 2**31 - 1),
    "long": (0, 63, -(2**63), 2**63 - 1),
    "timestamp-millis": (0, 1_790_000_000_000, -62_135_596_800_000, 253_402_300_799_999),  # years 1 to 9999
    "float": (0.0, 1.0, -2.5, 65_504.0),  # exact in single precision
    "double": (0.0, 1.0, -1e-300, 1.7976931348623157e308),
}
BYTES = (b"", b"\x00\xff", bytes(range(256)), b"\x80" * 70)
COUNT = len(TEXTS)


def samples(schema: Schema) -> list[dict[str, Any]]:
    """Records of `schema` that visit every branch of its unions; at least four."""
    return [_record(schema, i, {}) for i in range(max(COUNT, _widest_union(schema)))]


def _record(schema: Schema, i: int, named: dict[str, Any]) -> dict[str, Any]:
    named[schema["name"]] = schema
    return {field["name"]: _sample(field["type"], i, named) for field in schema["fields"]}


def _sample(schema: Any, i: int, named: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return _sample(schema[i % len(schema)], i, named)
    if isinstance(schema, str):
        if schema in named:
            return _sample(named[schema], i, named)
        schema = {"type": schema}
    kind = schema["type"]
    if schema.get("logicalType") == "decimal":
        return _decimal(schema, i)
    if kind == "string":
        return TEXTS[i % COUNT]
    if kind == "bytes":
        return BYTES[i % COUNT]
    if kind == "boolean":
        return i % 2 == 1
    if kind == "null":
        return None
    if kind in NUMBERS:
        return NUMBERS[schema.get("logicalType", kind)][i % COUNT]
    return _composite(schema, i, named)


def _composite(schema: Schema, i: int, named: dict[str, Any]) -> Any:
    kind = schema["type"]
    if kind == "record":
        return _record(schema, i, named)
    if kind == "array":
        return [_sample(schema["items"], i + k, named) for k in range(i)]
    if kind == "map":
        return {f"key {k}": _sample(schema["values"], i + k, named) for k in range(i)}
    if kind == "enum":
        return schema["symbols"][i % len(schema["symbols"])]
    if kind == "fixed":
        return bytes([i]) * int(schema["size"])
    return _sample(kind, i, named)  # {"type": {"type": …}}


def _decimal(schema: Schema, i: int) -> Decimal:
    largest = 10 ** int(schema["precision"]) - 1
    return Decimal((0, 12_500, -largest, largest)[i % 4]).scaleb(-int(schema.get("scale", 0)))


def _widest_union(schema: Any) -> int:
    if isinstance(schema, list):
        return max(len(schema), *(_widest_union(branch) for branch in schema))
    if not isinstance(schema, dict):
        return 0
    inner = [field["type"] for field in schema.get("fields", ())]
    inner += [schema[part] for part in ("type", "items", "values") if part in schema]
    return max((_widest_union(part) for part in inner), default=0)
