"""The token that callers must show: the one that was set, else one made once and kept for its owner to read."""

from __future__ import annotations

import secrets
from pathlib import Path

from connectors.kept_file import made_once
from connectors.settings import Settings

FILE = "views-token"


def token_file(settings: Settings) -> Path:
    return Path(settings.state_dir) / FILE


def token(settings: Settings) -> str:
    """RINGBACK_VIEWS_TOKEN, else what the state folder holds, made at the first call. Raises OSError."""
    return settings.views_token or made_once(token_file(settings), secrets.token_urlsafe(32), 0o600)
