"""`ringback`: the command line. This file only finds commands and turns errors into exit codes.

A command's module is imported when the command runs, so `ringback --help` stays below 0.3 s.

Exit codes: 0 done · 1 the answer is no · 2 wrong use · 3 something needed is unreachable · 70 a bug of ours.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from infra.cli.errors import exit_code, explain

# command -> (module, what it does); the module holds a click command of that name, dashes as underscores.
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("infra.cli.up", "Run everything here: cluster, stages, gateway, carrier; show what happens."),
    "demo": ("infra.cli.demo", "Run everything, send a dozen SMS, check that calls and charges agree."),
    "cluster": ("infra.cli.cluster", "Start, stop or look at a local Kafka and Redis."),
    "run": ("infra.cli.run", "Run stages as members of their consumer groups."),
    "gateway": ("infra.cli.gateway", "Run the HTTP gateway for the carrier's webhooks."),
    "backfill": ("infra.cli.backfill", "Find SMS whose webhook was lost, and put them into sms.inbound."),
    "tenants": ("infra.cli.tenants", "Apply or list the tenants that own the numbers."),
    "topics": ("infra.cli.topics", "Compare the topics with the map; create what is missing."),
    "cat": ("infra.cli.cat", "Print the records of a topic, decoded."),
    "send": ("infra.cli.send", "Send one SMS to one of our numbers."),
    "parse": ("infra.cli.parse", "Show what the phrase reader understands."),
    "lag": ("infra.cli.lag", "Show how far each consumer group is behind; export it to Prometheus."),
    "trace": ("infra.cli.trace", "Show the life of a user's reminders, from the topics."),
    "doctor": ("infra.cli.doctor", "Say what is reachable and what is misconfigured."),
    "config": ("infra.cli.config", "Print the settings in force and where each comes from."),
    "dead-letters": ("infra.cli.dead_letters", "List what could not be processed; put it back."),
    "simulator": ("infra.cli.simulator", "Run the carrier simulator."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and one-line help, and imports a command to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, meaning) for name, (_, meaning) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="ringback", prog_name="ringback")
def ringback(debug: bool) -> None:
    """Text a number, and it rings you back.

    \b
    Start here:
      ringback demo                      a dozen SMS, their calls and charges, checked
      ringback up                        everything on this machine, until Ctrl-C
      ringback send --from +14155550101 --to +14155550100 "Remind me to call Ana in 10 seconds"
      ringback trace +14155550101        what became of it

    Settings are environment variables, and flags of the commands that use them; `ringback config` shows them.
    Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 something needed is unreachable.
    """


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit code, never raises."""
    debug = "--debug" in arguments
    # Wherever it stands: nobody wants to remember whether it goes before or after the command.
    arguments = [a for a in arguments if a != "--debug"]
    try:
        # Not click's `main`, which makes a closed pipe exit code 1: here that means "the answer is no".
        with ringback.make_context("ringback", arguments) as context:
            code = ringback.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as done:  # --help, --version
        return done.exit_code
    except BrokenPipeError:
        # The reader (`head`, `less`) has seen enough. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if debug and not isinstance(error, click.ClickException):
            raise
        if text := explain(error):
            click.echo(text, err=True)
        return exit_code(error)
    return code if isinstance(code, int) else 0


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
