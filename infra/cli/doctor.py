"""`ringback doctor`."""

from __future__ import annotations

import click

from connectors.settings import Settings
from infra.cli.errors import ANSWER_IS_NO, DONE, UNREACHABLE
from infra.cli.options import EVERYTHING, json_flag, settings_flags
from infra.cli.output import print_json

_MARKS = {
    "ok": ("ok  ", "green"),
    "warn": ("warn", "yellow"),
    "fail": ("FAIL", "red"),
    "unreachable": ("FAIL", "red"),
}


@click.command()
@json_flag
@settings_flags(*EVERYTHING)
def doctor(settings: Settings, as_json: bool) -> int:
    """Say what is reachable and what is misconfigured, and what to do about it.

    Exit code 3 when something does not answer, else 1 when something is wrong, else 0; a warning is not wrong.

    \b
    Examples:
      ringback doctor
      ringback doctor --json | jq 'select(.state != "ok")'
    """
    from infra.cli.checks import examine

    findings = examine(settings)
    for finding in findings:
        if as_json:
            print_json(finding.as_json())
            continue
        mark, colour = _MARKS[finding.state]
        click.echo(f"{click.style(mark, fg=colour)}  {finding.subject}: {finding.text}")
        if finding.advice:
            click.echo(f"      {finding.advice}")
    states = {finding.state for finding in findings}
    return UNREACHABLE if "unreachable" in states else ANSWER_IS_NO if "fail" in states else DONE
