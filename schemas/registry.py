"""The Confluent wire format, for clusters with a schema registry: 00, the schema's id (4 bytes, big endian), Avro.

`Codec(None)` writes single-object encoding. `Codec(url)` writes the Confluent format, with the schemas registered
under `{topic}-value`; changelogs stay single-object, for internal state must not depend on a registry. Reading
takes both always: the first byte tells. Failures are those of codec.py (drawn in errors.py), and:

    UnknownSchema         the registry knows no schema of that id → hold the partition, alarm
    RegistryUnreachable   no answer, or not one of a registry → hold, retry
    SchemaRefused         our schema is not FULL_TRANSITIVE compatible there → do not start
    UndecodableRecord     also a 00 where no registry is configured: nothing says that it is a schema's id

The client is urllib and not confluent_kafka.schema_registry: that one needs four more packages (an OAuth stack among
them) for three calls, and retries inside, where our loop holds and retries.
"""

import base64
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

from schemas import avro, catalog, codec, inbound
from schemas.catalog import Schema
from schemas.codec import Decoded
from schemas.errors import RegistryUnreachable, SchemaRefused, UndecodableRecord, UnknownSchema
from schemas.records import SmsReceived

MAGIC: Final = b"\x00"
PREFIX_LENGTH: Final = 5
MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
SCHEMA_NOT_FOUND: Final = 40403  # the registry's own code; a 404 without it is some other server or path
LARGEST_ID: Final = 2**31 - 1  # an id is an int in Java, and registries answer nonsense to more
COMPATIBILITY: Final = "FULL_TRANSITIVE"
TIMEOUT_S: Final = 5.0


class Registry:
    """The part of the registry's API that we use. Blocks up to `timeout_s` a request, retries nothing.

    `url` may carry user:password@; it is sent as basic authentication and appears in no message.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("SCHEMA_REGISTRY_URL must be http(s)://host[:port][/path]")
        user_info, _, self._host = parts.netloc.rpartition("@")
        self._base = urllib.parse.urlunsplit((parts.scheme, self._host, parts.path.rstrip("/"), "", ""))
        self._timeout_s = timeout_s
        self._headers = {"Content-Type": MEDIA_TYPE, "Accept": f"{MEDIA_TYPE}, application/json"}
        if user_info:
            token = base64.b64encode(urllib.parse.unquote(user_info).encode()).decode("ascii")
            self._headers["Authorization"] = f"Basic {token}"

    def schema(self, schema_id: int) -> Any:
        """The schema of that id as parsed JSON. UnknownSchema, UndecodableRecord (not Avro), RegistryUnreachable."""
        status, answer = self._call("GET", f"/schemas/ids/{schema_id}")
        if status == 404 and answer.get("error_code") == SCHEMA_NOT_FOUND:
            raise UnknownSchema(f"the registry knows no schema with id {schema_id}")
        self._expect_success(status, answer)
        if answer.get("schemaType", "AVRO") != "AVRO":
            raise UndecodableRecord(f"schema {schema_id} is {answer['schemaType']}, not Avro")
        try:
            return json.loads(answer["schema"])
        except (KeyError, TypeError, ValueError) as error:
            raise RegistryUnreachable(f"{self._host} answered without a schema for id {schema_id}") from error

    def register(self, subject: str, schema: Schema) -> int:
        """The id of `schema` under `subject`, registered FULL_TRANSITIVE if new. SchemaRefused, RegistryUnreachable."""
        # The rule first: a subject without one would take anything from whoever registers next.
        rule = {"compatibility": COMPATIBILITY}
        self._expect_success(*self._call("PUT", f"/config/{_quoted(subject)}", rule))
        status, answer = self._call("POST", f"/subjects/{_quoted(subject)}/versions", _payload(schema))
        if status in (409, 422):
            raise SchemaRefused(f"{subject}: {answer.get('message', 'not compatible')}")
        return self._id(status, answer)

    def look_up(self, subject: str, schema: Schema) -> int:
        """The id of `schema` under `subject`. SchemaRefused when it is not there, RegistryUnreachable."""
        status, answer = self._call("POST", f"/subjects/{_quoted(subject)}", _payload(schema))
        if status == 404:
            raise SchemaRefused(f"{subject}: our schema is not registered, and registering is switched off")
        return self._id(status, answer)

    def _id(self, status: int, answer: dict[str, Any]) -> int:
        self._expect_success(status, answer)
        if not isinstance(answer.get("id"), int):
            raise RegistryUnreachable(f"{self._host} answered without an id")
        return int(answer["id"])

    def _expect_success(self, status: int, answer: dict[str, Any]) -> None:
        if status != 200:
            raise RegistryUnreachable(
                f"{self._host} answered {status}: {answer.get('message', 'no reason given')}"
            )

    def _call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, self._headers, method=method)
        try:
            try:
                with urllib.request.urlopen(request, timeout=self._timeout_s) as response:
                    status, text = response.status, response.read()
            except urllib.error.HTTPError as error:
                with error:
                    status, text = error.code, error.read()
            answer = json.loads(text or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise RegistryUnreachable(f"{self._host}: {type(error).__name__}: {error}") from error
        return status, answer if isinstance(answer, dict) else {}


class Codec:
    """Records to bytes and back for every topic; one for a process. Safe to share between threads.

    `register` False only looks schemas up, for clusters where a pipeline registers them. Schemas and ids are asked
    for once: what blocks (up to `timeout_s`) is the first record of each topic and of each foreign schema.
    """

    def __init__(
        self, registry_url: str | None = None, *, register: bool = True, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._registry = Registry(registry_url, timeout_s=timeout_s) if registry_url else None
        self._register = register
        self._encoders: dict[tuple[str, str], Callable[[Mapping[str, Any]], bytes]] = {}
        self._readers: dict[int, _Reader | UndecodableRecord] = {}

    def encode(self, topic: str, name: str, record: Mapping[str, Any]) -> bytes:
        """`record` of type `name` as a value for `topic`.

        Raises UnencodableRecord, SchemaRefused, RegistryUnreachable.
        """
        return self.encoder(topic, name)(record)

    def encoder(self, topic: str, name: str) -> Callable[[Mapping[str, Any]], bytes]:
        """A function record -> bytes, for hot paths and to register at start. Raises as `encode`."""
        known = self._encoders.get((topic, name))
        if known is None:
            known = self._encoders[topic, name] = self._new_encoder(topic, name)
        return known

    def _new_encoder(self, topic: str, name: str) -> Callable[[Mapping[str, Any]], bytes]:
        if self._registry is None or topic.endswith(".changelog"):
            return codec.encoder(name)
        version = catalog.current()[name]
        ask = self._registry.register if self._register else self._registry.look_up
        schema_id = ask(f"{topic}-value", version.schema)
        return codec.writer(version, MAGIC + schema_id.to_bytes(4, "big"))

    def decode(self, topic: str, data: bytes, *, expected: str | None = None) -> Decoded:
        """The record in a value of `topic`, in the shape of its current schema; of any type unless one is `expected`.

        Raises UndecodableRecord, UnknownSchema, RegistryUnreachable.
        """
        if data[:1] != MAGIC:
            return codec.decode(data, expected=expected)
        if self._registry is None:
            raise UndecodableRecord(f"{topic}: begins with 00, but no schema registry is configured")
        if len(data) < PREFIX_LENGTH:
            raise UndecodableRecord(
                f"truncated: {len(data)} bytes, where the prefix alone has {PREFIX_LENGTH}"
            )
        schema_id = int.from_bytes(data[1:PREFIX_LENGTH], "big")
        if schema_id > LARGEST_ID:
            raise UndecodableRecord(f"{schema_id} is no schema id: registries count in a signed 32-bit int")
        reader = self._readers.get(schema_id)
        if reader is None:
            reader = self._readers[schema_id] = _reader(schema_id, self._registry)
        if isinstance(reader, UndecodableRecord):
            raise reader.with_traceback(None)
        name, read = reader
        if expected is not None and name != expected:
            raise UndecodableRecord(f"a {name} where a {expected} belongs")
        return Decoded(name, read(data, PREFIX_LENGTH))

    def decoder(self, topic: str, name: str) -> Callable[[bytes], Any]:
        """A function bytes -> record of type `name`, for hot paths. It raises as `decode`."""
        single_object = codec.decoder(name)

        def decode(data: bytes) -> Any:
            if data[:1] != MAGIC:
                return single_object(data)
            return self.decode(topic, data, expected=name).record

        return decode

    def decode_sms(self, data: bytes | None, timestamp_ms: int) -> SmsReceived:
        """inbound.decode_sms, with the Confluent format as well."""
        return inbound.decode_sms(data, timestamp_ms, read_avro=self.decoder("sms.inbound", "SmsReceived"))


_Reader = tuple[str, Callable[[bytes, int], Any]]  # name of the record, (data, start) -> record


def _reader(schema_id: int, registry: Registry) -> _Reader | UndecodableRecord:
    """The reader for that id; the verdict where there never will be one, so that a flood asks only once."""
    try:
        return _resolving(schema_id, registry.schema(schema_id))
    except UndecodableRecord as verdict:
        return verdict


def _resolving(schema_id: int, written: Any) -> _Reader:
    """The reader into the current schema for a writer's schema that the registry gave."""
    if not isinstance(written, dict) or written.get("type") != "record":
        raise UndecodableRecord(f"schema {schema_id} is not a record")
    name = catalog.short_name(written)
    current = catalog.current().get(name)
    if current is None:
        raise UndecodableRecord(f"schema {schema_id} is of a record that is none of ours")
    wanted = avro.prepare(current.schema)
    if catalog.resolution_form(written) == catalog.resolution_form(current.schema):
        return name, avro.reader(name, wanted, None)
    try:
        return name, avro.reader(name, avro.prepare(written), wanted)
    except Exception as error:  # references to other subjects, a type of a later specification, …
        raise UnknownSchema(f"schema {schema_id} cannot be read here ({type(error).__name__})") from error


def _quoted(subject: str) -> str:
    return urllib.parse.quote(subject, safe="")


def _payload(schema: Schema) -> dict[str, str]:
    return {"schema": json.dumps(schema, separators=(",", ":"))}
