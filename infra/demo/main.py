"""One demo from start to verdict."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from connectors.settings import Settings
from infra.cli.errors import UnreachableError, WrongUseError
from infra.cli.output import masked, say
from infra.cli.running import Running, announced
from infra.cli.trace import Step
from infra.demo.agree import Agreement, TenantRow, Truth, by_tenant, compare
from infra.demo.board import Board, line_of, live
from infra.demo.play import GaveUpError, Player
from infra.demo.run import Run, Sms
from infra.demo.script import DEMO
from infra.demo.system import System
from infra.demo.watch import Watch
from infra.simulator.client import SimulatorClient
from streams.phone_numbers import kind_of
from streams.reminders.limits import calls
from streams.tenants import ANY, parse_tenants

# An attempt whose outcome nobody can tell stays open for so long, unless a setting says otherwise: nobody watches for
# the usual two minutes.
RESOLVE_S = 20.0


def run_demo(
    settings: Settings, folder: Path, fresh: bool, tell: Callable[[str], None]
) -> tuple[list[Agreement], list[TenantRow]]:
    """Start what is missing, play the script, compare. Raises what System raises, UnreachableError, …"""
    if settings.sources.get("RINGBACK_RESOLVE_S", "default") == "default":
        settings = replace(settings, resolve_s=RESOLVE_S)
    file = Path(settings.tenants) if settings.tenants else Path(__file__).with_name("tenants.yaml")
    run = Run(DEMO, parse_tenants(file.read_bytes())[:2])
    if any(t.confirm_first_contact for t in run.tenants):
        raise WrongUseError(
            f"{file}: the demo's users answer no confirmation; set confirm_first_contact: false"
        )
    if not all(calls(t, kind_of(number)) for t in run.tenants for number in run.numbers.values()):
        raise WrongUseError(
            f"{file}: the demo's users have invented numbers; set allowed_countries and allowed_number_types to "
            f"['{ANY}']"
        )
    with tempfile.NamedTemporaryFile("w", suffix=".json", prefix="ringback-demo-") as script:
        json.dump({"behaviours": run.behaviours()}, script)
        script.flush()
        system = System(settings, folder, tell, fresh=fresh, behaviours=Path(script.name))
        with system, announced(Running("demo", str(system.folder), system.environment())):
            _prepare_carrier(system, run)
            gave_up = _play(system, run)
            agreements = compare(run, Truth.of(_truth(system), run.numbers.values()))
    return [*([gave_up] if gave_up else []), *agreements], by_tenant(run)


def _prepare_carrier(system: System, run: Run) -> None:
    if system.carrier_is_ours:
        return  # its script was given to it, so that it still knows after a restart
    carrier = SimulatorClient(system.settings.twilio_base_url)
    if not carrier.healthy():
        raise UnreachableError(
            f"{system.settings.twilio_base_url} is no carrier simulator: the demo calls invented people. "
            "Unset TWILIO_BASE_URL, or start `ringback simulator`."
        )
    for behaviour in run.behaviours():
        calls: Any = behaviour["calls"]
        carrier.behave(str(behaviour["number"]), *calls)


def _play(system: System, run: Run) -> Agreement | None:
    """Play to the end; an Agreement that does not hold when the end never came."""
    board = Board("ringback demo")
    with live(board.table) as shown:

        def line(text: str) -> None:
            if shown is None:
                say(text)
            else:
                shown.console.print(text, markup=False, highlight=False)

        def sent(sms: Sms) -> None:
            copy = " once more" if sms.line.copy_of else ""
            line(f"SMS{copy} by {sms.line.via}, {masked(sms.number)} to {masked(sms.to)}: “{sms.text}”")

        def waiting(trouble: str) -> None:
            line(f"waiting: {trouble}" if trouble else "nothing stands in the way any more")

        player = Player(run, system, sent, waiting)

        def take(step: Step) -> None:
            player.take(step)
            if step.user in run.ledger.users:
                board.add(step)
                if shown is None:
                    say(line_of(step))

        with Watch(system.settings, take):
            try:
                player.play(lambda: None)
            except GaveUpError as error:
                return Agreement(click.unstyle(str(error)), "an end", "none", False)
    return None


def _truth(system: System) -> list[dict[str, Any]]:
    """What the carrier did, from its file where it is ours: the file outlives a carrier that was killed."""
    if system.carrier_is_ours:
        return [json.loads(text) for text in system.truth_file.read_text().splitlines()]
    return SimulatorClient(system.settings.twilio_base_url).truth()
