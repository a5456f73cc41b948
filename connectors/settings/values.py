"""How the text of a setting becomes its value. Each function raises ValueError with what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit


def text(value: str) -> str:
    return value


def servers(value: str) -> str:
    for part in value.split(","):
        address = part.strip().rpartition("://")[2]  # librdkafka takes PLAINTEXT://host:port too
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"{part.strip()!r} is not host:port; give host:port,host:port")
    return value


def url(*schemes: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in schemes or not (parts.netloc or parts.scheme == "unix"):
            raise ValueError(f"not a URL with {' or '.join(f'{s}://' for s in schemes)}")
        _ = parts.port  # urlsplit checks the port only when asked; raises ValueError
        return value.rstrip("/")

    return check


def one_of(*words: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in words:
            raise ValueError(f"{value!r} is not one of {', '.join(words)}")
        return value

    return check


def protocol(value: str) -> str:
    return one_of("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")(value.lower())


def seconds(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a number of seconds") from None
    if not 0 < number < 86_400:
        raise ValueError(f"{value} is not between 0 and 86400 seconds")
    return number


def count(value: str) -> int:
    if not value.isdecimal() or int(value) > 99:
        raise ValueError(f"{value!r} is not a whole number from 0 to 99")
    return int(value)


def port(value: str) -> int:
    if not value.isdecimal() or len(value) > 5 or int(value) > 65_535:
        raise ValueError(f"{value!r} is not a port, 0 to 65535")
    return int(value)


def token(value: str) -> str:
    # It stands in a header, and must not be guessed.
    if re.fullmatch(r"[\x21-\x7e]{16,}", value) is None:
        raise ValueError("use at least 16 printable characters without spaces")
    return value


def seconds_between(least: float, most: float) -> Callable[[str], float]:
    def check(value: str) -> float:
        number = seconds(value)
        if not least <= number <= most:
            raise ValueError(f"{value} is not between {least:g} and {most:g} seconds")
        return number

    return check


def count_up_to(most: int) -> Callable[[str], int]:
    def check(value: str) -> int:
        if not value.isdecimal() or not 1 <= int(value) <= most:
            raise ValueError(f"{value!r} is not a whole number from 1 to {most}")
        return int(value)

    return check


def account(value: str) -> str:
    if re.fullmatch(r"AC[0-9a-fA-F]{32}", value) is None:
        raise ValueError("an account sid is AC and 32 hexadecimal digits")
    return value


def member(value: str) -> str:
    # It becomes part of transactional ids and of a folder's name.
    if re.fullmatch(r"[A-Za-z0-9._-]{1,100}", value) is None:
        raise ValueError("use up to 100 letters, digits, dots, dashes and underscores")
    return value
