"""Every topic as an AsyncAPI 3 document: who sends and receives, key, retention, schema, and an example with its bytes.

`x-bytes` of a message holds each example's value as it lies in Kafka, in hexadecimal; its `payload` is the same record
as `ringback cat --json` shows it. The number of partitions is what `ringback topics apply` asks for.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from typing import Any

from infra.docs.examples import JSON_SMS, example
from schemas import catalog, codec
from schemas.render import to_json
from streams.access import Service, services
from streams.topology import DEFAULT_PARTITIONS, SMS_INBOUND, STAGES, Topic, topics

Object = dict[str, Any]

AVRO = "application/vnd.apache.avro+json;version=1.9.0"  # AsyncAPI's name for any Avro schema of 1.9 or later
PATH = "streams/asyncapi.yaml"
KEYS = {
    "any": "Anything, or absent: stages read it by what is in the value.",
    "user": "`{tenant}|{E.164 number}` in UTF-8; partitioned by murmur2, as Java's clients do.",
    "tenant": "The tenant's id in UTF-8.",
    "source": "The key of the record that was set aside.",
    "state": "Of the stage that keeps its state here; nobody else's business.",
}


def document() -> Object:
    """The whole document. Raises UnencodableRecord for an example that does not fit its schema."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ringback's topics",
            "version": importlib.metadata.version("ringback"),
            "description": (
                "Values are Avro: single-object encoding (C3 01, fingerprint, record), or Confluent's wire format "
                "where SCHEMA_REGISTRY_URL is set. Fields are only ever added, with defaults (FULL_TRANSITIVE). "
                "Read with isolation.level=read_committed: what stages write is transactional."
            ),
        },
        "defaultContentType": "avro/binary",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "KAFKA_BOOTSTRAP_SERVERS.",
                "variables": {"bootstrap": {"default": "127.0.0.1:9092"}},
            }
        },
        "channels": {_id(topic.name): _channel(topic) for topic in topics()},
        "operations": dict(sorted(_operations().items())),
        "components": {"messages": _messages()},
    }


def records_of(topic: Topic) -> list[str]:
    """The records that may lie in a topic; those of a changelog say in their own documentation whose state they are."""
    if topic.record is not None:
        return [topic.record]
    stage = topic.name.removesuffix(".changelog")
    return [name for name, version in catalog.current().items() if stage in state_of(version.schema)]


def state_of(schema: catalog.Schema) -> list[str]:
    """The stages that keep such a record: `… State of calls and replies.`"""
    found = re.search(r"State of ((?:\w+(?:, | and )?)+)", str(schema.get("doc", "")))
    return [name for name in re.findall(r"\w+", found[1]) if name in STAGES] if found else []


def _id(name: str) -> str:
    return name.replace(".", "_")


def _channel(topic: Topic) -> Object:
    names = [*records_of(topic), *(["SmsReceivedJson"] if topic == SMS_INBOUND else [])]
    config: Object = {}
    for name, value in topic.config().items():
        if name == "cleanup.policy":
            config[name] = [value]
        elif name != "message.timestamp.type":  # the binding has no such word; the description says it
            config[name] = int(value)
    times = "" if topic.retention_ms is None else " Record times are the broker's (LogAppendTime)."
    return {
        "address": topic.name,
        "title": topic.meaning,
        "description": f"Key: {KEYS[topic.key]}{times}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": DEFAULT_PARTITIONS,
                "topicConfiguration": config,
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations() -> dict[str, Object]:
    found: dict[str, Object] = {}
    for service in services():
        if service.looks_at_everything:  # the page on access says so
            continue
        for action, of_service in (("receive", service.reads), ("send", service.writes)):
            for topic in of_service:
                found[f"{service.name}_{action}_{_id(topic.name)}"] = _operation(service, action, topic)
    return found


def _operation(service: Service, action: str, topic: Topic) -> Object:
    operation: Object = {
        "action": action,
        "channel": {"$ref": f"#/channels/{_id(topic.name)}"},
        "summary": f"{service.name} {service.meaning}",
    }
    stage = STAGES.get(service.name)
    if action == "receive" and stage is not None and topic in stage.reads:
        group = {"type": "string", "enum": [stage.group]}
        operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": "0.5.0"}}
    return operation


def _messages() -> dict[str, Object]:
    names = [name for topic in topics() for name in records_of(topic)]
    found = {name: _message(name) for name in dict.fromkeys(names)}
    found["SmsReceivedJson"] = {
        "name": "SmsReceivedJson",
        "title": "An SMS as plain JSON, for producers without Avro",
        "contentType": "application/json",
        "payload": {
            "type": "object",
            "required": ["message_sid", "from", "to", "body"],
            "properties": {
                "message_sid": {"type": "string", "minLength": 1, "maxLength": 128},
                "from": {"type": "string", "pattern": r"^\+[1-9][0-9]{1,14}$"},
                "to": {"type": "string", "pattern": r"^\+[1-9][0-9]{1,14}$"},
                "body": {"type": "string", "maxLength": 4096},
                "received_at": {
                    "description": "RFC 3339 with Z or offset, or epoch ms; absent: the record's time.",
                    "type": ["string", "integer", "null"],
                },
            },
        },
        "examples": [{"name": "sms", "payload": json.loads(JSON_SMS)}],
        "x-bytes": {"sms": JSON_SMS.encode().hex()},
    }
    return found


def _message(name: str) -> Object:
    schema = catalog.current()[name].schema
    encoded = codec.encode(name, example(name))
    payload = to_json(name, codec.decode(encoded, expected=name).record)
    return {
        "name": name,
        "title": str(schema.get("doc", name)).partition(". ")[0],
        "contentType": "avro/binary",
        "payload": {"schemaFormat": AVRO, "schema": schema},
        "examples": [{"name": name, "payload": payload}],
        "x-bytes": {name: encoded.hex()},
    }
