"""Values as they may be shown: without secrets."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

MASK = "********"
_PASSWORD_OPTION = re.compile(r"([^&=]*password=)[^&]*", re.IGNORECASE)


def masked(value: Any, secret: bool) -> Any:
    if value is None:
        return None
    if secret:
        return MASK
    if isinstance(value, str) and "://" in value:
        return mask_url(value)
    return value


def mask_url(url: str) -> str:
    """The URL without the passwords it may carry, before its host or among its options."""
    parts = urlsplit(url)
    shown = parts._replace(query=_PASSWORD_OPTION.sub(rf"\1{MASK}", parts.query))
    if parts.password is not None:
        host = parts.netloc.rpartition("@")[2]
        shown = shown._replace(netloc=f"{parts.username or ''}:{MASK}@{host}")
    return url if shown == parts else urlunsplit(shown)
