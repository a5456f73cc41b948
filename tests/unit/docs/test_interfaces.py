"""The interface documents: current, valid by the specifications' own schemas, and their examples decode."""

from __future__ import annotations

import json
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from jsonschema import Draft7Validator  # type: ignore[import-untyped] # its types are a package of their own
from openapi_spec_validator import validate
from starlette.routing import Route

from connectors.gateway import Deliveries, GatewaySettings, create_app
from connectors.gateway.answering import AnswerGate
from connectors.gateway.urls import CallTarget, KeyTarget, call_urls, key_url, message_url, voice_url
from connectors.metrics import PrometheusMetrics
from infra.cluster.cache import cache_folder
from infra.docs import access, asyncapi, gateway, interfaces
from infra.docs.examples import EXAMPLES, example
from infra.generated import ROOT, stale
from schemas import catalog
from schemas.inbound import decode_sms
from schemas.registry import Codec
from schemas.render import to_json
from streams.access import services
from streams.ids import CallKey
from streams.topology import SMS_INBOUND, STAGES, topics
from tests.unit.docs.asyncapi_schema import schema

ASYNCAPI: dict[str, Any] = yaml.safe_load((ROOT / asyncapi.PATH).read_text())
OPENAPI: dict[str, Any] = yaml.safe_load((ROOT / gateway.PATH).read_text())


def test_what_is_committed_is_what_the_code_says() -> None:
    """A topic, field, right or refusal that changes in the code changes its document with it, or CI fails."""
    assert stale(interfaces.files()) == []


@pytest.mark.needs("npm")
def test_the_topics_document_is_valid_asyncapi() -> None:
    """By the schema that the specification's authors publish; tools that read it will not stumble."""
    problems = list(Draft7Validator(schema(cache_folder() / "tests")).iter_errors(ASYNCAPI))
    assert not problems, "\n".join(f"{list(p.absolute_path)}: {p.message[:200]}" for p in problems[:5])


def test_every_topic_is_described_and_every_reference_leads_somewhere() -> None:
    """Each with at least one message and one who sends it; the schema does not look behind a `$ref`."""
    assert [c["address"] for c in ASYNCAPI["channels"].values()] == [topic.name for topic in topics()]
    sent = {o["channel"]["$ref"] for o in ASYNCAPI["operations"].values() if o["action"] == "send"}
    for name, channel in ASYNCAPI["channels"].items():
        assert channel["messages"], name
        # Tenants are written by people (`ringback tenants apply`), who are no service of the map.
        assert f"#/channels/{name}" in sent or channel["address"] == "tenants", name
    for reference in _references(ASYNCAPI):
        found: Any = ASYNCAPI
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_kind_of_state_belongs_to_a_changelog() -> None:
    """A state record whose documentation names no stage would be missing from the document."""
    for name, version in catalog.current().items():
        if name.endswith("State"):
            assert asyncapi.state_of(version.schema), name


@pytest.mark.parametrize("topic", topics(), ids=lambda topic: topic.name)
def test_the_examples_decode(topic: Any) -> None:
    """The bytes of each example, read by the codec of the stages, are what the document shows beside them."""
    channel = ASYNCAPI["channels"][topic.name.replace(".", "_")]
    for reference in channel["messages"].values():
        message = ASYNCAPI["components"]["messages"][reference["$ref"].rpartition("/")[2]]
        assert message["examples"]
        for shown in message["examples"]:
            data = bytes.fromhex(message["x-bytes"][shown["name"]])
            if message["contentType"] == "application/json":
                assert topic == SMS_INBOUND
                assert json.loads(data) == shown["payload"]
                assert decode_sms(data, 1)["body"] == shown["payload"]["body"]
                continue
            decoded = Codec().decode(topic.name, data, expected=topic.record)
            assert decoded.name == message["name"]
            assert to_json(decoded.name, decoded.record) == shown["payload"]


def test_an_example_that_no_longer_fits_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field that was renamed is an error with its name, not a document with the old one."""
    monkeypatch.setitem(cast(dict[str, Any], EXAMPLES), "Charge", {**EXAMPLES["Charge"], "sum": 1})
    with pytest.raises(KeyError, match="Charge has no sum"):
        example("Charge")


def test_the_gateway_document_is_valid_openapi() -> None:
    """By the official schema of OpenAPI 3.1."""
    validate(OPENAPI)


def test_the_gateway_document_has_every_route_and_no_other() -> None:
    """A new endpoint without a description, or one that is gone, fails here."""
    deliveries = Deliveries(lambda: cast(Any, None), PrometheusMetrics())
    app = create_app(
        GatewaySettings("http://x", "t"), cast(AnswerGate, None), deliveries, PrometheusMetrics()
    )
    routes = {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert routes == {(path, method) for path, item in OPENAPI["paths"].items() for method in item}


def test_every_url_that_the_carrier_is_given_is_described() -> None:
    """A parameter that we put into our URLs, and no other, stands in the document of that path."""
    key = CallKey("r", 1, 1, 1)
    target = CallTarget(key, "acme", 1, "n", 1, voice="alice", on_machine="hangup")
    urls = [
        *call_urls("http://x", key, "acme|+1", 1, "n"),
        message_url("http://x", "r", 1, "acme|+1", 1, "n"),
        voice_url("http://x", target),
        key_url("http://x", KeyTarget(target, "CA1", "en", "1")),
    ]
    given: dict[str, set[str]] = {}
    for url in urls:
        given.setdefault(urlsplit(url).path, set()).update(parse_qs(urlsplit(url).query))
    for path, names in given.items():
        described = OPENAPI["paths"][path]["post"]["parameters"]
        assert {p["name"] for p in described} == names, path


def test_the_page_of_rights_names_every_service_and_right() -> None:
    """Whoever gives rights by hand finds each of them there."""
    page = access.page()
    for service in services():
        assert f"### {service.name}\n" in page
        for grant in service.grants:
            assert f"`{grant.name}`" in page


def test_no_stage_may_write_what_the_map_does_not_say() -> None:
    """Rights follow the map: who does not write money there cannot write it at the broker either."""
    for service in services():
        if service.name not in STAGES:
            continue
        writes = {g.name for g in service.grants if g.resource == "topic" and "Write" in g.operations}
        stage = STAGES[service.name]
        own = {stage.changelog.name} if stage.changelog else set()
        assert writes == {t.name for t in stage.writes} | own | {"dead.letters"}
        assert not any(g.prefix or g.name == "*" for g in service.grants if g.resource == "topic")


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for each in value for found in _references(each)]
    if not isinstance(value, dict):
        return []
    here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return here + [found for each in value.values() for found in _references(each)]
