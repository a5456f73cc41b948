"""`ringback gateway`."""

from __future__ import annotations

import click

from connectors.settings import Settings
from infra.cli.errors import WrongUseError
from infra.cli.options import settings_flags


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any free one."
)
@settings_flags("kafka", "redis", "carrier", "public")
def gateway(settings: Settings, host: str, port: int) -> None:
    """Run the HTTP gateway until SIGTERM or Ctrl-C.

    The carrier posts to /sms, /voice, /key and /status; PUBLIC_URL is where it reaches them, and what its signatures
    are checked against. /healthz, /readyz and /metrics are for operators.

    \b
    Examples:
      PUBLIC_URL=https://ringback.example.com ringback gateway --host 0.0.0.0 --port 8080
      ringback gateway --port 0 --public-url http://127.0.0.1:8080
    """
    from connectors.gateway.server import serve
    from infra.cli.run import log_to_stderr

    log_to_stderr()
    try:
        serve(settings, host, port, lambda bound: click.echo(f"http://{host}:{bound}"))
    except OSError as error:
        if isinstance(error, ConnectionError):
            raise
        raise WrongUseError(f"cannot listen on {host}:{port}: {error.strerror}") from error
