"""The token that callers must show: the one that was set, else one made once and kept for its owner to read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from connectors.settings import Settings

FILE = "views-token"


def token_file(settings: Settings) -> Path:
    return Path(settings.state_dir) / FILE


def token(settings: Settings) -> str:
    """RINGBACK_VIEWS_TOKEN, else what the state folder holds, made at the first call. Raises OSError."""
    if settings.views_token:
        return settings.views_token
    path = token_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{FILE}.{secrets.token_hex(4)}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - mode
        file.write(secrets.token_urlsafe(32) + "\n")
    try:
        os.link(fresh, path)  # fails when another process was quicker: then its token is ours
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text().strip()
