"""The Confluent format against a registry that misbehaves; the real one is asked in tests/integration."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from schemas import catalog, codec
from schemas.errors import CodecError, RegistryUnreachable, SchemaRefused, UndecodableRecord, UnknownSchema
from schemas.registry import Codec
from tests.unit.schemas.test_codec import CHARGE, DUE

Answer = tuple[int, Any]
DUE_SCHEMA = catalog.current()["ReminderDue"].schema


class Scripted:
    """An HTTP server that answers by (method, path) as told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Answer] = {}
        self.asked: list[tuple[str, str, Any, str | None]] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                scripted.asked.append((self.command, self.path, body, self.headers.get("Authorization")))
                status, answer = scripted.answers.get((self.command, self.path), (404, {"error_code": 404}))
                text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = answer  # noqa: N815 (names that http.server looks for)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def knows(self, subject: str, schema_id: int, schema: Any, **more: Any) -> None:
        self.answers["PUT", f"/config/{subject}"] = 200, {"compatibility": "FULL_TRANSITIVE"}
        self.answers["POST", f"/subjects/{subject}/versions"] = 200, {"id": schema_id}
        self.answers["GET", f"/schemas/ids/{schema_id}"] = 200, {"schema": json.dumps(schema), **more}


@pytest.fixture
def registry() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.server.shutdown()
    scripted.thread.join()
    scripted.server.server_close()


def test_the_wire_format(registry: Scripted) -> None:
    """00, the id in four bytes big endian, then the same Avro as in single-object encoding; asked for once."""
    registry.knows("reminders.due-value", 0x01020304, DUE_SCHEMA)
    ours = Codec(registry.url)
    data = ours.encode("reminders.due", "ReminderDue", DUE)
    assert data == b"\x00\x01\x02\x03\x04" + codec.encode("ReminderDue", DUE)[codec.HEADER_LENGTH :]
    assert ours.decode("reminders.due", data) == ("ReminderDue", DUE)
    assert ours.decoder("reminders.due", "ReminderDue")(data) == DUE
    asked = len(registry.asked)
    assert ours.encode("reminders.due", "ReminderDue", DUE) == data
    assert ours.decode("reminders.due", data, expected="ReminderDue").record == DUE
    assert len(registry.asked) == asked


def test_both_formats_are_read_and_changelogs_stay_single_object(registry: Scripted) -> None:
    """A registry may be introduced while old records are in flight; state never depends on it."""
    ours = Codec(registry.url)
    single = codec.encode("ReminderDue", DUE)
    assert ours.encode("reminders.changelog", "ReminderDue", DUE) == single
    assert ours.decode("reminders.due", single) == ("ReminderDue", DUE)
    assert Codec(None).encode("reminders.due", "ReminderDue", DUE) == single
    assert registry.asked == []


def test_an_older_writer_is_read_into_the_current_shape(registry: Scripted) -> None:
    """The writer's schema comes from the registry; what it lacks takes our defaults."""
    fields = DUE_SCHEMA["fields"]
    older = {**DUE_SCHEMA, "fields": [f for f in fields if f["name"] not in ("quiet_from", "quiet_until")]}
    registry.knows("x-value", 9, older)
    data = codec.encode("ReminderDue", {**DUE, "quiet_from": None, "quiet_until": None})[
        codec.HEADER_LENGTH :
    ]
    body = data.removesuffix(b"\x00\x00")
    read = Codec(registry.url).decode("x", b"\x00\x00\x00\x00\x09" + body)
    assert read.record == {**DUE, "quiet_from": None, "quiet_until": None}


def test_a_writers_decimal_scale_is_honoured(registry: Scripted) -> None:
    """The fingerprint does not see the scale; the registry's schema does, and the price stays the price."""
    schema = json.loads(json.dumps(catalog.current()["Charge"].schema).replace('"scale": 6', '"scale": 2'))
    registry.knows("c-value", 3, schema)
    body = codec.encode("Charge", CHARGE)[codec.HEADER_LENGTH :]
    assert (
        Codec(registry.url).decode("c", b"\x00\x00\x00\x00\x03" + body).record["amount"] == 75
    )  # 7,500 / 100


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (404, {"error_code": 40403, "message": "Schema not found"}, UnknownSchema),
        (404, {"error_code": 404}, RegistryUnreachable),
        (404, b"<html>no such page</html>", RegistryUnreachable),
        (500, {"message": "down"}, RegistryUnreachable),
        (503, b"", RegistryUnreachable),
        (401, {"message": "who are you"}, RegistryUnreachable),
        (200, b"<html>hello</html>", RegistryUnreachable),
        (200, [], RegistryUnreachable),
        (200, {"schema": "{not json"}, RegistryUnreachable),
        (200, {"schema": "{}", "schemaType": "PROTOBUF"}, UndecodableRecord),
        (200, {"schema": '"string"'}, UndecodableRecord),
        (200, {"schema": json.dumps({"type": "record", "name": "Alien", "fields": []})}, UndecodableRecord),
        (
            200,
            {"schema": json.dumps({**DUE_SCHEMA, "fields": [{"name": "x", "type": "elsewhere.Y"}]})},
            UnknownSchema,
        ),
        (
            200,
            {"schema": json.dumps({**DUE_SCHEMA, "fields": [{"name": "x", "type": "int"}]})},
            UndecodableRecord,
        ),
    ],
)
def test_what_a_reader_does_about_answers(
    registry: Scripted, status: int, answer: Any, error: type[CodecError]
) -> None:
    """Only "no such schema" is unknown, only a schema that is none of ours is a dead letter."""
    registry.answers["GET", "/schemas/ids/7"] = status, answer
    with pytest.raises(error):
        Codec(registry.url).decode("reminders.due", b"\x00\x00\x00\x00\x07body", expected="ReminderDue")


def test_an_unreachable_registry_is_told_without_its_password() -> None:
    """Errors are logged; credentials are not."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        port = server.server_port
    ours = Codec(f"http://user:secret@127.0.0.1:{port}")
    with pytest.raises(RegistryUnreachable, match=str(port)) as caught:
        ours.encode("reminders.due", "ReminderDue", DUE)
    assert "secret" not in str(caught.value)


def test_a_reader_recovers_when_the_registry_does(registry: Scripted) -> None:
    """A failure is not remembered: the record held is read at the next try."""
    ours, data = Codec(registry.url), b"\x00\x00\x00\x00\x07" + codec.encode("ReminderDue", DUE)[10:]
    registry.answers["GET", "/schemas/ids/7"] = 503, {}
    with pytest.raises(RegistryUnreachable):
        ours.decode("reminders.due", data)
    registry.knows("reminders.due-value", 7, DUE_SCHEMA)
    assert ours.decode("reminders.due", data).record == DUE


def test_a_flood_of_foreign_records_asks_once(registry: Scripted) -> None:
    """A verdict for ever is remembered; a dead letter must not cost a request each."""
    registry.answers["GET", "/schemas/ids/7"] = 200, {"schema": '"string"'}
    ours = Codec(registry.url)
    for _ in range(3):
        with pytest.raises(UndecodableRecord):
            ours.decode("x", b"\x00\x00\x00\x00\x07body")
    assert len(registry.asked) == 1


def test_a_refused_schema_says_why(registry: Scripted) -> None:
    """Incompatible is not unreachable: waiting would not help."""
    subject = "reminders.due-value"
    registry.answers["PUT", f"/config/{subject}"] = 200, {}
    registry.answers["POST", f"/subjects/{subject}/versions"] = 409, {"message": "READER_FIELD_MISSING"}
    with pytest.raises(SchemaRefused, match="READER_FIELD_MISSING"):
        Codec(registry.url).encode("reminders.due", "ReminderDue", DUE)


def test_looking_up_only_registers_nothing(registry: Scripted) -> None:
    """Where a pipeline owns the subjects, a missing schema is an answer, not a reason to write."""
    with pytest.raises(SchemaRefused, match="not registered"):
        Codec(registry.url, register=False).encode("reminders.due", "ReminderDue", DUE)
    registry.answers["POST", "/subjects/reminders.due-value"] = 200, {"id": 4, "version": 1}
    data = Codec(registry.url, register=False).encode("reminders.due", "ReminderDue", DUE)
    assert data[:5] == b"\x00\x00\x00\x00\x04"
    assert {(method, path) for method, path, _, _ in registry.asked} == {
        ("POST", "/subjects/reminders.due-value")
    }


def test_credentials_go_into_a_header(registry: Scripted) -> None:
    """user:password@ of the URL becomes basic authentication, percent escapes undone."""
    registry.knows("reminders.due-value", 1, DUE_SCHEMA)
    Codec(registry.url.replace("://", "://us%40er:pass@")).encode("reminders.due", "ReminderDue", DUE)
    assert {authorization for *_, authorization in registry.asked} == {"Basic dXNAZXI6cGFzcw=="}


@pytest.mark.parametrize("length", range(1, 5))
def test_a_truncated_prefix_is_undecodable(registry: Scripted, length: int) -> None:
    """No id, no question."""
    with pytest.raises(UndecodableRecord, match="truncated"):
        Codec(registry.url).decode("x", b"\x00\x00\x00\x00"[:length])
    assert registry.asked == []


def test_an_id_that_no_registry_gives_is_undecodable(registry: Scripted) -> None:
    """Random bytes behind a 00: half of them are no id, and must not hold a partition."""
    with pytest.raises(UndecodableRecord, match="no schema id"):
        Codec(registry.url).decode("x", b"\x00\x80\x00\x00\x00body")
    assert registry.asked == []


def test_without_a_registry_00_is_garbage() -> None:
    """Nothing says that it is a schema's id, so it must not hold a partition for ever."""
    with pytest.raises(UndecodableRecord, match="no schema registry is configured"):
        Codec(None).decode("x", b"\x00\x00\x00\x00\x01abc")


def test_sms_in_all_three_formats(registry: Scripted) -> None:
    """The first byte tells; the result is the same."""
    registry.knows("sms.inbound-value", 5, catalog.current()["SmsReceived"].schema)
    ours = Codec(registry.url)
    sms = {"message_sid": "SM1", "from": "+14155550101", "to": "+14155550100", "body": "hi", "received_at": 7}
    forms = (
        json.dumps(sms).encode(),
        codec.encode("SmsReceived", sms),
        ours.encode("sms.inbound", "SmsReceived", sms),
    )
    assert [form[:1] for form in forms] == [b"{", b"\xc3", b"\x00"]
    assert [ours.decode_sms(form, 1) for form in forms] == [sms] * 3


@pytest.mark.parametrize("url", ["", "localhost:8081", "file:///etc/passwd", "http://"])
def test_a_bad_url_is_refused_at_start(url: str) -> None:
    """An empty setting is no registry; anything else that is no http URL is named."""
    if not url:
        assert Codec(url).encode("x", "ReminderDue", DUE) == codec.encode("ReminderDue", DUE)
        return
    with pytest.raises(ValueError, match="SCHEMA_REGISTRY_URL"):
        Codec(url)
