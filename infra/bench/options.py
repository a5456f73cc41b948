"""Options that several benchmarks share, so that they are called and read alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]

protocol_option = click.option(
    "--protocol", type=click.Choice(["classic", "consumer"]), default="classic", show_default=True
)


def json_flag(more: str = "") -> Callable[[Command], Command]:
    """`--json`, given to the command as `as_json`; `more` goes on with its help."""
    return click.option("--json", "as_json", is_flag=True, help=f"One object instead of a table{more}.")


def nodes_option(default: str) -> Callable[[Command], Command]:
    """How many brokers: one, or as many as replicate everything three times. Given as text."""
    return click.option(
        "--nodes", type=click.Choice(["1", "3"]), default=default, show_default=True, help="Brokers."
    )


def counts(text: str, example: str) -> tuple[int, ...]:
    """`1,4,2` as numbers, in that order. Raises BadParameter, which shows `example`."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() for part in parts):
        raise click.BadParameter(f"{text!r} is not counts with commas between, as {example}")
    return tuple(int(part) for part in parts)
