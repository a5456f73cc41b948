"""Tenants: the companies that own the numbers. The file an operator writes, the record on the topic, look-up.

The defaults are part of the public interface (design, section 10). Everything that can be wrong in a tenants
file is found here, before the first record is produced, and named together with the tenant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

import msgspec
import yaml

from schemas.records import Tenant as TenantRecord
from streams.ids import is_e164

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)  # no "|": it separates the parts of a user key
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)  # ISO 3166-1 alpha-2
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)  # ISO 4217
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)  # BCP 47
_QUIET = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_ZERO = Decimal(0)
_FINEST = Decimal("0.000001")  # the scale of the Avro decimal
_DEAREST = Decimal(10) ** 12  # precision 18, of which 6 are decimals
_VOICE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)  # as the carrier names them: alice, Polly.Joanna
_PREFIX = re.compile(r"\+[1-9]\d{0,14}", re.ASCII)
ANY = "*"
# As libphonenumber calls them. The others cost too much (premium_rate, shared_cost, personal_number, unknown), cost
# the callee (toll_free) or belong to no person (pager, uan, voicemail): a tenant may still name them.
CALLED_TYPES = ("fixed_line", "mobile", "fixed_line_or_mobile", "voip")
NUMBER_TYPES = frozenset(
    {
        *CALLED_TYPES,
        *(
            "premium_rate",
            "shared_cost",
            "toll_free",
            "personal_number",
            "pager",
            "uan",
            "voicemail",
            "unknown",
        ),
    }
)
_MOST_PREFIXES = 100
_MOST_CALLS = 10**9


class TenantError(ValueError):
    """A tenants file that cannot be applied; the message names the tenant and the field."""


class Tenant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One tenant. Rates are per second or minute, `*_s` are seconds, prices are per SMS and per answered call."""

    id: str
    numbers: tuple[str, ...]
    timezone: str = "UTC"
    country: str = "US"
    language: str = "en"
    currency: str = "USD"
    price_per_sms: Decimal = _ZERO
    price_per_answered_call: Decimal = _ZERO
    calls_per_second: float = 1.0
    calls_per_second_per_number: float | None = None
    max_attempts: int = 3
    retry_backoff_s: float = 60.0
    late_grace_s: float = 900.0
    quiet_hours: str | None = None
    quiet_hours_strict: bool = False
    confirm_first_contact: bool = True
    stop_reply: bool = False
    sms_per_minute: float | None = None
    calls_per_minute: float | None = None
    weight: float = 1.0
    backlog_high_s: float = 30.0
    backlog_low_s: float = 5.0
    over_quota: Literal["defer", "reply"] = "defer"
    voice: str | None = None
    on_machine: Literal["treat_as_answered", "leave_message", "hang_up_and_retry"] = "treat_as_answered"
    allowed_countries: tuple[str, ...] | None = None
    allowed_number_types: tuple[str, ...] = CALLED_TYPES
    flood_sms_per_minute: int | None = 20
    reminders_per_user_per_day: int | None = 100
    calls_per_day: int | None = None
    calls_per_prefix_per_day: dict[str, int] = {}

    @property
    def late_grace_ms(self) -> int:
        return round(self.late_grace_s * 1000)

    def to_record(self) -> TenantRecord:
        """The Avro record `Tenant`."""
        record: Any = msgspec.structs.asdict(self)
        for field in _LISTS:
            record[field] = None if record[field] is None else list(record[field])
        return record  # type: ignore[no-any-return]  # asdict knows the fields, not their types

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Tenant:
        """The inverse of `to_record`; fields of a newer schema are ignored."""
        known: dict[str, Any] = {name: record[name] for name in cls.__struct_fields__ if name in record}
        for field in _LISTS:
            if known.get(field) is not None:
                known[field] = tuple(known[field])
        return cls(**known)


_LISTS = ("numbers", "allowed_countries", "allowed_number_types")


class Tenants(Protocol):
    """The table of tenants as a stage sees it."""

    def owner_of(self, number: str) -> Tenant | None:
        """The tenant that owns this number (E.164)."""

    def get(self, tenant: str) -> Tenant | None:
        """The tenant of this id."""

    @property
    def version(self) -> int:
        """Differs after each change of the table."""


class TenantTable:
    """`Tenants` in memory, fed one tenant at a time in the order of the topic."""

    def __init__(self, tenants: Iterable[Tenant] = ()) -> None:
        self._by_id: dict[str, Tenant] = {}
        self._by_number: dict[str, Tenant] = {}
        self.version = 0
        for tenant in tenants:
            self.put(tenant)

    def put(self, tenant: Tenant) -> None:
        """Add, or replace by id. A number that moved belongs to whom was put last."""
        before = self._by_id.get(tenant.id)
        for number in before.numbers if before else ():
            if self._by_number.get(number) is before:
                del self._by_number[number]
        self._by_id[tenant.id] = tenant
        for number in tenant.numbers:
            self._by_number[number] = tenant
        self.version += 1  # last: who saw the former version may already have seen what is new

    def owner_of(self, number: str) -> Tenant | None:
        return self._by_number.get(number)

    def get(self, tenant: str) -> Tenant | None:
        return self._by_id.get(tenant)

    def all(self) -> list[Tenant]:
        """Every tenant, by id."""
        return [self._by_id[tenant] for tenant in sorted(self._by_id)]


def parse_tenants(text: str | bytes) -> list[Tenant]:
    """A tenants file, YAML or JSON (which is YAML): a list of tenants. Raises TenantError."""
    try:
        items = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as wrong:
        raise TenantError(f"neither YAML nor JSON: {wrong}") from wrong
    if not isinstance(items, list):
        raise TenantError(f"a tenants file is a list of tenants, this is a {type(items).__name__}")
    tenants = [_parse(item, place) for place, item in enumerate(items, 1)]
    check_owners(tenants)
    return tenants


def merge(existing: Iterable[Tenant], applied: Iterable[Tenant]) -> list[Tenant]:
    """What stands after `applied` was applied to `existing`: added or replaced by id, nothing removed.

    Raises TenantError when a number would then be owned by two tenants.
    """
    tenants = {tenant.id: tenant for tenant in existing} | {tenant.id: tenant for tenant in applied}
    check_owners(tenants.values())
    return list(tenants.values())


def check_owners(tenants: Iterable[Tenant]) -> None:
    """Raises TenantError when an id or a number stands twice."""
    ids: set[str] = set()
    owners: dict[str, str] = {}
    for tenant in tenants:
        if tenant.id in ids:
            raise TenantError(f"tenant {tenant.id!r} stands twice")
        ids.add(tenant.id)
        for number in tenant.numbers:
            other = owners.setdefault(number, tenant.id)
            if other != tenant.id:
                raise TenantError(f"number {number} is owned by two tenants, {other!r} and {tenant.id!r}")


def _parse(item: Any, place: int) -> Tenant:
    named = isinstance(item, dict) and isinstance(item.get("id"), str)
    who = f"tenant {item['id']!r}" if named else f"tenant number {place} of the file"
    try:
        tenant = msgspec.convert(item, Tenant)
    except msgspec.ValidationError as wrong:
        hint = " (quote it)" if "Expected `str`" in str(wrong) else ""
        raise TenantError(f"{who}: {wrong}{hint}") from None
    for problem in _problems(tenant):
        raise TenantError(f"{who}: {problem}")
    return tenant


def _problems(t: Tenant) -> Iterable[str]:
    """What the types do not say, worst first."""
    if not _ID.fullmatch(t.id):
        yield f"id {t.id!r}: letters, digits, '.', '_' and '-' only, at most 64"
    for number in t.numbers:
        if not is_e164(number):
            yield f"numbers: {number!r} is not E.164 (such as +14155550100)"
    if len(set(t.numbers)) < len(t.numbers):
        yield "numbers: one stands twice"
    if not _is_zone(t.timezone):
        yield f"timezone: {t.timezone!r} is not an IANA time zone (such as Europe/Berlin)"
    for field, pattern, example in (
        ("country", _COUNTRY, "US"),
        ("currency", _CURRENCY, "USD"),
        ("language", _LANGUAGE, "en"),
    ):
        if not pattern.fullmatch(getattr(t, field)):
            yield f"{field}: {getattr(t, field)!r} is not a code such as {example}"
    for field in ("price_per_sms", "price_per_answered_call"):
        yield from _price_problems(field, getattr(t, field))
    yield from _rate_problems(t)
    if t.quiet_hours is not None and quiet_minutes(t.quiet_hours) is None:
        yield f"quiet_hours: {t.quiet_hours!r} is not a span of the day such as 22:00-07:00"
    if not 1 <= t.late_grace_s <= 1e9:
        yield "late_grace_s: at least 1, or a call would be late before it can be placed"
    if t.max_attempts < 1:
        yield "max_attempts: at least 1"
    if t.backlog_low_s > t.backlog_high_s:
        yield "backlog_low_s: greater than backlog_high_s"
    yield from _people_problems(t)


def _people_problems(t: Tenant) -> Iterable[str]:
    """Who is called, how often, and by which voice."""
    if t.voice is not None and not _VOICE.fullmatch(t.voice):
        yield f"voice: {t.voice!r} is not a name such as Polly.Joanna"
    for country in t.allowed_countries or ():
        if country != ANY and not _COUNTRY.fullmatch(country):
            yield f"allowed_countries: {country!r} is not a code such as US, or {ANY} for all"
    if t.allowed_countries == () or not t.allowed_number_types:
        yield "allowed_countries, allowed_number_types: an empty list would allow nobody"
    for kind in t.allowed_number_types:
        if kind != ANY and kind not in NUMBER_TYPES:
            yield f"allowed_number_types: {kind!r} is none of {', '.join(sorted(NUMBER_TYPES))}, or {ANY} for all"
    for field in ("flood_sms_per_minute", "reminders_per_user_per_day"):
        limit = getattr(t, field)
        if limit is not None and not 1 <= limit <= _MOST_CALLS:
            yield f"{field}: {limit} is out of range; at least 1, or null for no limit"
    if t.calls_per_day is not None and not 0 <= t.calls_per_day <= _MOST_CALLS:
        yield f"calls_per_day: {t.calls_per_day} is out of range"
    for prefix, cap in t.calls_per_prefix_per_day.items():
        if not _PREFIX.fullmatch(prefix):
            yield f"calls_per_prefix_per_day: {prefix!r} is not the beginning of a number such as +1809 (quote it)"
        elif not 0 <= cap <= _MOST_CALLS:
            yield f"calls_per_prefix_per_day: {cap} for {prefix} is out of range"
    if len(t.calls_per_prefix_per_day) > _MOST_PREFIXES:
        yield f"calls_per_prefix_per_day: more than {_MOST_PREFIXES} prefixes"


def _price_problems(field: str, price: Decimal) -> Iterable[str]:
    if not price.is_finite() or price < 0 or price >= _DEAREST:
        yield f"{field}: {price} is not a price"
    elif price != price.quantize(_FINEST):
        yield f"{field}: {price} has more than six decimals"


def _rate_problems(t: Tenant) -> Iterable[str]:
    above_zero: tuple[str, ...] = (
        "calls_per_second",
        "retry_backoff_s",
        "weight",
        "sms_per_minute",
        "calls_per_minute",
    )
    above_zero += ("calls_per_second_per_number",)
    for field in (*above_zero, "backlog_high_s", "backlog_low_s"):
        value = getattr(t, field)
        # Ten years bounds the seconds, a billion the rates; it also refuses inf and nan, which YAML can write.
        if value is not None and not (0 <= value <= 1e9 and (value > 0 or field not in above_zero)):
            yield f"{field}: {value} is out of range"


@cache
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown; a path; a folder
        return False
    return True


@cache
def quiet_minutes(quiet_hours: str) -> tuple[int, int] | None:
    """ "22:00-07:00" as minutes of the day, (1320, 420); None when it is not such a span, or empty."""
    found = _QUIET.fullmatch(quiet_hours)
    if found is None:
        return None
    h1, m1, h2, m2 = map(int, found.groups())
    start, end = h1 * 60 + m1, h2 * 60 + m2
    return (start, end) if start != end else None
