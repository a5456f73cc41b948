"""`ringback dead-letters list|replay`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from connectors.settings import Settings
from infra.cli.errors import ANSWER_IS_NO, DONE, WrongUseError
from infra.cli.options import json_flag, settings_flags
from infra.cli.output import instant, print_json, say, table
from streams.topology import DEAD_LETTERS

if TYPE_CHECKING:
    from schemas.records import DeadLetter


@click.group("dead-letters")
def dead_letters() -> None:
    """List what could not be processed; put it back once the cause is gone.

    A dead letter is named by where it lies in `dead.letters`: partition@offset.

    \b
    Examples:
      ringback dead-letters list --reason unknown_number
      ringback dead-letters replay 3@17 3@18
      ringback dead-letters replay --reason unknown_number
    """


@dead_letters.command("list")
@click.option("--reason", help="Only those with this reason.")
@click.option("--source", metavar="TOPIC", help="Only those from this topic.")
@json_flag
@settings_flags("kafka", "registry")
def list_(settings: Settings, reason: str | None, source: str | None, as_json: bool) -> None:
    """List the dead letters, oldest first; --json shows their bytes (base64) as well."""
    found = [
        (place, letter)
        for place, letter in _letters(settings)
        if reason in (None, letter["reason"]) and source in (None, letter["source_topic"])
    ]
    found.sort(key=lambda pair: pair[1]["at"])
    if as_json:
        from schemas.render import to_json

        for place, letter in found:
            print_json({"id": place, "cut": _is_cut(letter), **to_json("DeadLetter", letter)})
        return
    rows = [
        (
            place,
            instant(letter["at"]),
            letter["reason"],
            f"{letter['source_topic']} {letter['source_partition']}@{letter['source_offset']}",
            f"{letter['value_length']} bytes{' (cut)' if _is_cut(letter) else ''}",
            letter["detail"],
        )
        for place, letter in found
    ]
    if rows:
        click.echo(table([("ID", "SET ASIDE", "REASON", "SOURCE", "VALUE", "DETAIL"), *rows]))
    else:
        say("no dead letters")


@dead_letters.command()
@click.argument("ids", nargs=-1, metavar="[PARTITION@OFFSET]…")
@click.option("--reason", help="All with this reason.")
@click.option("--all", "everything", is_flag=True, help="All.")
@json_flag
@settings_flags("kafka", "registry")
def replay(
    settings: Settings, ids: tuple[str, ...], reason: str | None, everything: bool, as_json: bool
) -> int:
    """Put dead letters back into the topic and partition that they came from, with their key.

    The header `ringback-appended-at` tells when the source record was appended, so an SMS without
    `received_at` keeps its time. Doing it twice does no harm: an SMS is known by its message_sid.

    Not put back, exit code 1: a value that was cut (its producer must send it again) and a timer (it lies in the
    state of its stage, not in a topic that anybody may write).
    """
    if sum((bool(ids), reason is not None, everything)) != 1:
        raise WrongUseError("say which: ids (partition@offset), or --reason R, or --all")
    from infra.cli.produce import ToWrite, write
    from streams.inbound import APPENDED_AT

    chosen = [
        (place, letter)
        for place, letter in _letters(settings)
        if everything or place in ids or (reason is not None and letter["reason"] == reason)
    ]
    verdicts: dict[str, str] = dict.fromkeys(ids, "not found")
    back: list[ToWrite] = []
    for place, letter in chosen:
        problem = _why_not(letter)
        verdicts[place] = problem or f"replayed to {letter['source_topic']} {letter['source_partition']}"
        if problem is None:
            header = (APPENDED_AT, str(letter["source_timestamp"]).encode())
            back.append(
                ToWrite(
                    letter["source_topic"],
                    letter["key"],
                    letter["value"],
                    [header],
                    letter["source_partition"],
                )
            )
    if back:
        write(settings.kafka_config(), back)
    for place, verdict in verdicts.items():
        if as_json:
            print_json({"id": place, "replayed": verdict.startswith("replayed"), "verdict": verdict})
        else:
            click.echo(f"{place}  {verdict}")
    if not verdicts:
        say("no such dead letters")
    return DONE if back and len(back) == len(verdicts) else ANSWER_IS_NO


def _letters(settings: Settings) -> Iterator[tuple[str, DeadLetter]]:
    from connectors.kafka.browse import whole
    from infra.cli.values import codec_of, decode

    codec = codec_of(settings)
    for record in whole(settings.kafka_config(), [DEAD_LETTERS.name]):
        letter: Any = decode(codec, record)[1]
        yield record.place, letter


def _is_cut(letter: DeadLetter) -> bool:
    return len(letter["value"] or b"") < letter["value_length"]


def _why_not(letter: DeadLetter) -> str | None:
    """Why this one cannot be put back; None when it can."""
    if _is_cut(letter):
        return (
            f"refused: the value had {letter['value_length']} bytes and only {len(letter['value'] or b'')} "
            f"could be kept (sha256 of the whole {letter['value_sha256'][:16]}…); send it again from its source"
        )
    if letter["source_topic"].endswith(".changelog"):
        return "refused: a timer of a stage, set aside in its state; there is no record to put back"
    return None
