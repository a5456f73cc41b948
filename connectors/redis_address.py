"""REDIS_URL, read: one server, or the Sentinels that know which server is the primary.

    redis://[user:password@]host[:port][/db]     rediss:// with TLS     unix:///path/of/socket
    redis+sentinel://[user:password@]host[:26379],host2[:26379]/NAME[/db]     rediss+sentinel:// with TLS

NAME is the primary's name at the Sentinels (`sentinel monitor NAME …`); user and password are those of the servers,
`?sentinel_username=…&sentinel_password=…` those of the Sentinels, `?ssl_ca_certs=FILE` the authority that TLS trusts.

Imports no client library: settings are read by every command, also by those that never meet the server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

SENTINEL_PORT = 26379
DIRECT = ("redis", "rediss", "unix")
THROUGH_SENTINELS = ("redis+sentinel", "rediss+sentinel")
_TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_FORMS = "redis://, rediss://, unix:// or redis+sentinel://host,host/NAME"


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Where to ask for the primary called `name`. Secrets stay out of `repr`."""

    hosts: tuple[tuple[str, int], ...]
    name: str
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_username: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    tls: bool = False
    tls_options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, url: str) -> Sentinels:
        """From redis+sentinel://…; raises ValueError with what is wrong, and without the password."""
        parts = urlsplit(url)
        if parts.scheme not in THROUGH_SENTINELS:
            raise ValueError(f"not a URL with {' or '.join(f'{s}://' for s in THROUGH_SENTINELS)}")
        credentials, _, hosts = parts.netloc.rpartition("@")
        username, _, password = credentials.partition(":")
        name, db = _name_and_db(parts.path)
        options = _options(parts.query)
        return cls(
            hosts=tuple(_host(part) for part in hosts.split(",")),
            name=name,
            db=db,
            username=unquote(username) or None,
            password=unquote(password) or None,
            sentinel_username=options.pop("sentinel_username", None),
            sentinel_password=options.pop("sentinel_password", None),
            tls=parts.scheme.startswith("rediss"),
            tls_options=tuple(options.items()),
        )


def through_sentinels(url: str) -> bool:
    """Does this URL name Sentinels instead of a server?"""
    return url.startswith(tuple(f"{scheme}://" for scheme in THROUGH_SENTINELS))


def redis_url(value: str) -> str:
    """The text of REDIS_URL, checked. Raises ValueError with what is wrong."""
    parts = urlsplit(value)
    if parts.scheme in THROUGH_SENTINELS:
        Sentinels.parse(value)
    elif parts.scheme not in DIRECT:
        raise ValueError(f"not a URL with {_FORMS}")
    elif parts.scheme == "unix":
        if not parts.path and not parts.netloc:
            raise ValueError("unix:// needs the path of a socket, such as unix:///run/redis.sock")
    else:
        if not parts.netloc:
            raise ValueError(f"names no host; {_FORMS}")
        if "," in parts.netloc.rpartition("@")[2]:
            raise ValueError("names several hosts: give redis+sentinel://host,host/NAME for Sentinels")
        _ = parts.port  # urlsplit checks the port only when asked; raises ValueError
    return value.rstrip("/")


def _host(part: str) -> tuple[str, int]:
    try:
        found = urlsplit(f"//{part.strip()}")
        host, port = found.hostname, found.port
    except ValueError:
        host, port = None, None
    if not host or found.path:
        raise ValueError(f"{part.strip()!r} is not a Sentinel's host:port")
    return host, port or SENTINEL_PORT


def _name_and_db(path: str) -> tuple[str, int]:
    name, _, db = path.strip("/").partition("/")
    if not name:
        raise ValueError("names no primary: redis+sentinel://host:26379,host2:26379/NAME")
    if db and not db.isdecimal():
        raise ValueError(f"{db!r} is not the number of a database")
    return unquote(name), int(db or 0)


def _options(query: str) -> dict[str, str]:
    known = ("sentinel_username", "sentinel_password", *_TLS_OPTIONS)
    options = dict(parse_qsl(query))
    for option in options:
        if option not in known:
            raise ValueError(f"unknown option {option!r}; known are {', '.join(known)}")
    return options
