"""The Confluent format against a real registry (Apicurio), which enforces FULL_TRANSITIVE itself."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.cluster import SchemaRegistry
from schemas import catalog
from schemas.errors import SchemaRefused, UnknownSchema
from schemas.golden.samples import samples
from schemas.registry import Codec, Registry

pytestmark = pytest.mark.integration

CHARGE = catalog.current()["Charge"].schema


def with_field(**field: Any) -> dict[str, Any]:
    return {**CHARGE, "fields": [*CHARGE["fields"], field]}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("registry")
    with SchemaRegistry.start(folder) as registry:
        yield registry.url


@pytest.mark.parametrize("name", sorted(catalog.current()))
def test_every_record_makes_the_round_trip(url: str, name: str) -> None:
    """Written by one process, read by another that knows the writer's schema from the registry alone."""
    topic = f"round.trip.{name}"
    for record in samples(catalog.current()[name].schema):
        data = Codec(url).encode(topic, name, record)
        assert data[:1] == b"\x00"
        assert Codec(url).decode(topic, data) == (name, record)


def test_the_registry_holds_the_schema_as_we_publish_it(url: str) -> None:
    """Another team's client finds it under {topic}-value, with its logical types and documentation."""
    Codec(url).encoder("billing.charges", "Charge")
    with urllib.request.urlopen(
        f"{url}/subjects/billing.charges-value/versions/latest", timeout=10
    ) as response:
        assert json.loads(json.load(response)["schema"]) == CHARGE
    with urllib.request.urlopen(f"{url}/config/billing.charges-value", timeout=10) as response:
        assert json.load(response)["compatibilityLevel"] == "FULL_TRANSITIVE"


def test_an_incompatible_schema_is_refused(url: str) -> None:
    """A field without default: the registry says no, we say why, and what stood there stands."""
    registry, subject = Registry(url), "refusal-value"
    first = registry.register(subject, CHARGE)
    with pytest.raises(SchemaRefused, match=subject):
        registry.register(subject, with_field(name="tax", type="string"))
    assert registry.look_up(subject, CHARGE) == first


def test_a_newer_writer_is_read(url: str) -> None:
    """A field with a default is taken by the registry, and its records are read in our shape."""
    registry, subject = Registry(url), "newer-value"
    registry.register(subject, CHARGE)
    newer = registry.register(subject, with_field(name="tax", type="string", default=""))
    record = samples(CHARGE)[1]
    single = Codec(None).encode("newer", "Charge", record)
    body = single[10:] + b"\x02x"  # the Charge, then tax "x"
    assert Codec(url).decode("newer", b"\x00" + newer.to_bytes(4, "big") + body).record == record


def test_registering_again_gives_the_same_id(url: str) -> None:
    """Every member registers at start; that must not make versions."""
    registry = Registry(url)
    assert registry.register("again-value", CHARGE) == registry.register("again-value", CHARGE)
    assert registry.schema(registry.look_up("again-value", CHARGE)) == CHARGE


def test_an_unknown_id_holds(url: str) -> None:
    """The registry's own words for it are understood."""
    with pytest.raises(UnknownSchema, match="123456789"):
        Codec(url).decode("x", b"\x00" + (123456789).to_bytes(4, "big") + b"body")


def test_looking_up_only_finds_what_is_there(url: str) -> None:
    """Without leave to register, a missing subject stops the start and a present one serves."""
    with pytest.raises(SchemaRefused, match="not registered"):
        Codec(url, register=False).encoder("lookup", "Charge")
    Codec(url).encoder("lookup", "Charge")
    record = samples(CHARGE)[1]
    data = Codec(url, register=False).encode("lookup", "Charge", record)
    assert Codec(url).decode("lookup", data).record == record
