"""What a benchmark says: what is under way, its figures, and its verdict as the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import click

Progress = Callable[[str], None]


def telling(*, silent: bool = False, err: bool = False) -> Progress:
    """What is under way, a line at a time: to nobody, on stderr, or on stdout where the table will stand."""
    if silent:
        return lambda _line: None
    return lambda line: click.echo(line, err=err)


def report(found: Callable[[], Mapping[str, Any]], table: Callable[[], str], *, as_json: bool) -> None:
    """The figures on stdout: one object for scripts, else a table. Only the one that is wanted is made."""
    click.echo(json.dumps(found()) if as_json else table())


def end(*, fine: bool) -> NoReturn:
    """Exit 0, or 1 when a bar was missed or something went wrong that must not."""
    sys.exit(0 if fine else 1)
