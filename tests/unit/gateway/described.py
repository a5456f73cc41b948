"""Is an answer of the gateway one that its OpenAPI document describes? Asked of every answer that these tests get."""

from __future__ import annotations

import json
from typing import Any

import httpx
import yaml
from openapi_schema_validator import OAS31Validator

from infra.docs.gateway import PATH
from infra.generated import ROOT

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / PATH).read_text())


async def described(response: httpx.Response) -> None:
    """Raises AssertionError for a status, a type or a body that the document does not have for this path."""
    path, method = response.request.url.path, response.request.method.lower()
    operation = DOCUMENT["paths"].get(path, {}).get(method)
    if operation is None:
        assert response.status_code in (404, 405), f"{method} {path} is answered and not described"
        return
    answers = operation["responses"]
    assert str(response.status_code) in answers, (
        f"{method} {path} answers {response.status_code}, undescribed"
    )
    content = answers[str(response.status_code)].get("content")
    if content is None:
        return
    await response.aread()
    kind = response.headers["content-type"].partition(";")[0]
    assert kind in content, f"{method} {path} answers {kind}"
    if kind == "application/json":
        schema = {**content[kind]["schema"], "components": DOCUMENT["components"]}
        OAS31Validator(schema).validate(json.loads(response.content))
