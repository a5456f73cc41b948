"""The tenants file: what it may say, what is wrong with it, in words; and the table of tenants."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from streams.tenants import Tenant, TenantError, TenantTable, merge, parse_tenants

A, B, C = "+14155550100", "+14155550200", "+14155550300"


def _file(**fields: Any) -> str:
    return json.dumps([{"id": "acme", "numbers": [A]} | fields])


def test_all_but_id_and_numbers_have_the_documented_defaults() -> None:
    """Design, section 10."""
    (acme,) = parse_tenants(f"- id: acme\n  numbers: ['{A}']\n")
    assert acme.to_record() == {
        "id": "acme",
        "numbers": [A],
        "timezone": "UTC",
        "country": "US",
        "language": "en",
        "currency": "USD",
        "price_per_sms": 0,
        "price_per_answered_call": 0,
        "calls_per_second": 1,
        "calls_per_second_per_number": None,
        "max_attempts": 3,
        "retry_backoff_s": 60,
        "late_grace_s": 900,
        "quiet_hours": None,
        "quiet_hours_strict": False,
        "confirm_first_contact": True,
        "stop_reply": False,
        "sms_per_minute": None,
        "calls_per_minute": None,
        "weight": 1,
        "backlog_high_s": 30,
        "backlog_low_s": 5,
        "over_quota": "defer",
        "voice": None,
        "on_machine": "treat_as_answered",
        "allowed_countries": None,
        "allowed_number_types": ["fixed_line", "mobile", "fixed_line_or_mobile", "voip"],
        "flood_sms_per_minute": 20,
        "reminders_per_user_per_day": 100,
        "calls_per_day": None,
        "calls_per_prefix_per_day": {},
    }


@pytest.mark.parametrize("price", ['"0.0075"', "0.0075"])
def test_a_price_is_a_string_or_a_number(price: str) -> None:
    """And exactly what was written, in JSON and in YAML."""
    for text in (
        f'[{{"id":"a","numbers":[],"price_per_sms":{price}}}]',
        f"- {{id: a, numbers: [], price_per_sms: {price}}}",
    ):
        assert parse_tenants(text)[0].price_per_sms == Decimal("0.0075")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"colour": "red"}, ["acme", "colour"]),
        ({"numbers": ["4155550100"]}, ["acme", "numbers", "E.164"]),
        ({"numbers": [14155550100]}, ["acme", "numbers", "quote it"]),
        ({"numbers": [A, A]}, ["acme", "numbers", "twice"]),
        ({"timezone": "Mars/Olympus"}, ["acme", "timezone", "Mars/Olympus"]),
        ({"timezone": "../etc/passwd"}, ["acme", "timezone"]),
        ({"timezone": ""}, ["acme", "timezone"]),
        ({"quiet_hours": "22-7"}, ["acme", "quiet_hours", "22:00-07:00"]),
        ({"quiet_hours": "24:00-07:00"}, ["acme", "quiet_hours"]),
        ({"quiet_hours": "07:00-07:00"}, ["acme", "quiet_hours"]),
        ({"country": "usa"}, ["acme", "country"]),
        ({"currency": "$"}, ["acme", "currency"]),
        ({"language": "English!"}, ["acme", "language"]),
        ({"price_per_sms": "a lot"}, ["acme", "price_per_sms"]),
        ({"price_per_sms": "-1"}, ["acme", "price_per_sms"]),
        ({"price_per_sms": "NaN"}, ["acme", "price_per_sms"]),
        ({"price_per_answered_call": "0.0000001"}, ["acme", "price_per_answered_call", "six decimals"]),
        ({"price_per_answered_call": "1e12"}, ["acme", "price_per_answered_call"]),
        ({"calls_per_second": 0}, ["acme", "calls_per_second"]),
        ({"calls_per_second": "fast"}, ["acme", "calls_per_second"]),
        ({"calls_per_second_per_number": 0}, ["acme", "calls_per_second_per_number"]),
        ({"sms_per_minute": -1}, ["acme", "sms_per_minute"]),
        ({"weight": 1e300}, ["acme", "weight"]),
        ({"late_grace_s": 0}, ["acme", "late_grace_s"]),
        ({"max_attempts": 0}, ["acme", "max_attempts"]),
        ({"max_attempts": 2.5}, ["acme", "max_attempts"]),
        ({"backlog_low_s": 40}, ["acme", "backlog_low_s"]),
        ({"over_quota": "drop"}, ["acme", "over_quota"]),
        ({"voice": "Polly Joanna"}, ["acme", "voice", "Polly.Joanna"]),
        ({"on_machine": "shout"}, ["acme", "on_machine", "shout"]),
        ({"allowed_countries": ["usa"]}, ["acme", "allowed_countries", "usa", "US"]),
        ({"allowed_countries": "US"}, ["acme", "allowed_countries"]),
        ({"allowed_countries": []}, ["acme", "allowed_countries", "nobody"]),
        ({"allowed_number_types": ["cell"]}, ["acme", "allowed_number_types", "cell", "mobile"]),
        ({"allowed_number_types": []}, ["acme", "allowed_number_types", "nobody"]),
        ({"flood_sms_per_minute": 0}, ["acme", "flood_sms_per_minute", "null"]),
        ({"flood_sms_per_minute": 1.5}, ["acme", "flood_sms_per_minute"]),
        ({"reminders_per_user_per_day": -1}, ["acme", "reminders_per_user_per_day"]),
        ({"calls_per_day": -1}, ["acme", "calls_per_day"]),
        ({"calls_per_day": 10**10}, ["acme", "calls_per_day"]),
        ({"calls_per_prefix_per_day": {"1809": 5}}, ["acme", "calls_per_prefix_per_day", "1809", "+1809"]),
        ({"calls_per_prefix_per_day": {"+1809": -5}}, ["acme", "calls_per_prefix_per_day", "+1809"]),
        (
            {"calls_per_prefix_per_day": {f"+1{n}": 1 for n in range(200, 301)}},
            ["acme", "calls_per_prefix_per_day", "100"],
        ),
        ({"id": "a|b"}, ["a|b", "id"]),
        ({"id": ""}, ["id"]),
    ],
)
def test_a_mistake_is_named_with_its_tenant_and_field(fields: dict[str, Any], words: list[str]) -> None:
    """The operator need not guess what is meant."""
    with pytest.raises(TenantError) as wrong:
        parse_tenants(_file(**fields))
    for word in words:
        assert word in str(wrong.value)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("- id: [", "YAML"),
        ("{}", "list"),
        ("", "list"),
        ("- 5", "tenant number 1"),
        ("- numbers: []", "id"),
        (f"- {{id: a, numbers: ['{A}']}}\n- {{id: b, numbers: ['{A}']}}", "two tenants, 'a' and 'b'"),
        ("- {id: a, numbers: []}\n- {id: a, numbers: []}", "twice"),
        (b"\xff\xfe\x00", "YAML"),
    ],
)
def test_a_file_of_another_shape_is_refused(text: str | bytes, word: str) -> None:
    """With words, not with a traceback of the parser."""
    with pytest.raises(TenantError, match=word):
        parse_tenants(text)


def test_applying_adds_and_replaces_by_id_and_removes_nothing() -> None:
    """A number that another tenant still owns is refused; one that is handed over in the same file is not."""
    a, b = Tenant(id="a", numbers=(A,)), Tenant(id="b", numbers=(B,))
    merged = merge([a, b], [Tenant(id="a", numbers=(C,))])
    assert [(t.id, t.numbers) for t in merged] == [("a", (C,)), ("b", (B,))]
    with pytest.raises(TenantError, match="two tenants"):
        merge([a, b], [Tenant(id="c", numbers=(B,))])
    merge([a, b], [Tenant(id="a", numbers=()), Tenant(id="c", numbers=(A,))])


@given(st.decimals(0, 10**11, places=6), st.none() | st.just("22:00-07:00"))
def test_the_record_goes_through_avro_and_back(price: Decimal, quiet: str | None) -> None:
    """What an operator wrote is what every stage reads."""
    tenant = Tenant(
        id="acme",
        numbers=(A, B),
        price_per_sms=price,
        quiet_hours=quiet,
        sms_per_minute=3.5,
        voice="Polly.Joanna",
        allowed_countries=("US", "DO"),
        flood_sms_per_minute=None,
        calls_per_day=500,
        calls_per_prefix_per_day={"+1809": 3},
    )
    encoded = codec.encode("Tenant", tenant.to_record())
    assert Tenant.from_record(codec.decode(encoded, expected="Tenant").record) == tenant


def test_the_table_follows_numbers_from_tenant_to_tenant() -> None:
    """In whatever order the two records of a hand-over arrive."""
    for order in (("a", "b"), ("b", "a")):
        table = TenantTable([Tenant(id="a", numbers=(A, C)), Tenant(id="b", numbers=(B,))])
        after = {"a": Tenant(id="a", numbers=(C,)), "b": Tenant(id="b", numbers=(B, A))}
        for tenant in order:
            table.put(after[tenant])
        owners = [table.owner_of(number) for number in (A, B, C)]
        assert [owner.id if owner else None for owner in owners] == ["b", "b", "a"]
    assert table.get("a") == after["a"]
    assert table.get("zzz") is None
    assert table.owner_of("+1999") is None
    assert [tenant.id for tenant in table.all()] == ["a", "b"]
