"""`python -m infra.simulator --port P`."""

import os
from pathlib import Path

import click
import msgspec

from infra.simulator.running import serve
from infra.simulator.script import Script, load_script
from infra.simulator.server import Simulator
from infra.simulator.settings import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, Account, Settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=0, help="0: any free one.")
@click.option("--admin-port", type=int, help="A second door for /simulator/…, open during outages.")
@click.option("--account-sid", envvar="TWILIO_ACCOUNT_SID", default=DEMO_ACCOUNT_SID, show_default=True)
@click.option("--auth-token", envvar="TWILIO_AUTH_TOKEN", default=DEMO_AUTH_TOKEN)
@click.option("--calls-per-second", type=float, default=1.0, show_default=True, help="0: no pacing.")
@click.option("--sms-url", help="Where users' texts are posted: the gateway's /sms.")
@click.option("--script", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON rules.")
@click.option("--truth", type=click.Path(dir_okay=False), help="Ground truth, one JSON a line, appended.")
@click.option("--speed", type=float, default=1.0, show_default=True, help="Divides ringing and speaking.")
@click.option(
    "--key-wait",
    type=float,
    default=60.0,
    show_default=True,
    help="Longest wait for a key that does not come, s.",
)
def main(
    *,
    host: str,
    port: int,
    admin_port: int | None,
    account_sid: str,
    auth_token: str,
    calls_per_second: float,
    sms_url: str | None,
    script: Path | None,
    truth: str | None,
    speed: float,
    key_wait: float,
) -> None:
    """Run the carrier simulator until interrupted."""
    try:
        rules = Script() if script is None else load_script(script)
    except msgspec.DecodeError as error:
        raise click.BadParameter(str(error), param_hint="--script") from error
    account = Account(account_sid, auth_token, calls_per_second or None, None, sms_url)
    settings = Settings(
        host=host,
        port=port,
        admin_port=admin_port,
        accounts=(account,),
        truth_file=truth,
        speed=speed,
        key_wait_s=key_wait,
    )

    def ready(simulator: Simulator) -> None:
        click.echo(f"TWILIO_BASE_URL={simulator.base_url}")
        click.echo(f"TWILIO_ACCOUNT_SID={account_sid}", err=True)
        if simulator.admin_is_apart:
            click.echo(f"admin: {simulator.admin_url}/simulator/", err=True)

    try:
        serve(settings, rules, ready)
    except OSError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    if "COLUMNS" not in os.environ:
        os.environ["COLUMNS"] = "110"
    main()
