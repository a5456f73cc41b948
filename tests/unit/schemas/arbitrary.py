"""Hypothesis strategies for the records of a schema, made from the schema alone."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from schemas.catalog import Schema

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "bytes": st.binary(max_size=40),
    "string": TEXT,
}


def records(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """Any record that `schema` has room for."""
    return st.fixed_dictionaries({field["name"]: values(field["type"]) for field in schema["fields"]})


def values(schema: Any) -> st.SearchStrategy[Any]:
    if isinstance(schema, list):
        return st.one_of([values(branch) for branch in schema])
    if isinstance(schema, str):
        return PRIMITIVES[schema]
    if schema.get("logicalType") == "decimal":
        largest, scale = 10 ** schema["precision"] - 1, schema.get("scale", 0)
        return st.integers(-largest, largest).map(lambda unscaled: Decimal(unscaled).scaleb(-scale))
    kind = schema["type"]
    if kind == "record":
        return records(schema)
    if kind == "array":
        return st.lists(values(schema["items"]), max_size=4)
    if kind == "map":
        return st.dictionaries(TEXT, values(schema["values"]), max_size=4)
    if kind == "enum":
        return st.sampled_from(schema["symbols"])
    return values(kind)
