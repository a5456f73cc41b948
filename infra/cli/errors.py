"""What an error means to the one who typed the command: a line of text and an exit code.

Client libraries are not imported to recognise their errors (that would cost every command their start-up):
an error of a library that was never imported cannot have been raised.
"""

from __future__ import annotations

import sys

import click

DONE, ANSWER_IS_NO, WRONG_USE, UNREACHABLE, OUR_BUG, INTERRUPTED = 0, 1, 2, 3, 70, 130


class AnswerIsNoError(click.ClickException):
    """The command worked and the answer is no: exit code 1."""

    exit_code = ANSWER_IS_NO


class WrongUseError(click.ClickException):
    """The command cannot be meant like this: exit code 2."""

    exit_code = WRONG_USE


class UnreachableError(click.ClickException):
    """Something that the command needs does not answer: exit code 3."""

    exit_code = UNREACHABLE


# module -> classes -> exit code, most telling first.
_KNOWN: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("connectors.settings", ("SettingsError",), WRONG_USE),
    ("connectors.kafka.topics", ("PartitionsFixedError",), ANSWER_IS_NO),
    ("connectors.kafka.browse", ("UnknownTopicError",), WRONG_USE),
    ("infra.run.views", ("AnotherWorkerError",), WRONG_USE),
    ("streams.tenants", ("TenantError",), WRONG_USE),
    ("infra.cluster.errors", ("ClusterError",), UNREACHABLE),
    ("redis.exceptions", ("RedisError",), UNREACHABLE),
    ("schemas.errors", ("RegistryUnreachable",), UNREACHABLE),
    ("schemas.errors", ("CodecError",), ANSWER_IS_NO),
    ("httpx", ("TransportError",), UNREACHABLE),
)


def _known(error: BaseException) -> int | None:
    for module, names, code in _KNOWN:
        loaded = sys.modules.get(module)
        if loaded and any(isinstance(error, getattr(loaded, name, ())) for name in names):
            return code
    kafka = sys.modules.get("confluent_kafka")
    if kafka and isinstance(error, kafka.KafkaException):
        return UNREACHABLE
    return None


def exit_code(error: BaseException) -> int:
    """The exit code of an error that ends a command."""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        # click's own (a file that cannot be opened) has 1, which here means "the answer is no".
        ours = isinstance(error, AnswerIsNoError | UnreachableError)
        return error.exit_code if ours else WRONG_USE
    known = _known(error)
    if known is not None:
        return known
    return UNREACHABLE if isinstance(error, ConnectionError | TimeoutError) else OUR_BUG


def explain(error: BaseException) -> str:
    """One line for stderr, saying what is wrong and, where it helps, what to do."""
    if isinstance(error, click.UsageError):
        where = f" Try `{error.ctx.command_path} --help`." if error.ctx else ""
        return f"ringback: {error.format_message()}{where}"
    if isinstance(error, click.ClickException):
        return f"ringback: {error.format_message()}"
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return ""
    kafka = sys.modules.get("confluent_kafka")
    if kafka and isinstance(error, kafka.KafkaException):
        return f"ringback: Kafka: {kafka_text(error)}"
    code = exit_code(error)
    cluster = sys.modules.get("infra.cluster.errors")
    if cluster and isinstance(error, cluster.ClusterError):
        return f"ringback: {error}"  # with the end of a server's log, where it has one
    text = " ".join(str(error).split()) or type(error).__name__
    if code == OUR_BUG:
        return f"ringback: {type(error).__name__}: {text} (this is a bug; --debug shows where)"
    return f"ringback: {text}"


def kafka_text(error: Exception) -> str:
    """What librdkafka says, without its punctuation; with a hint where no broker answers at all."""
    cause = error.args[0] if error.args else error
    text = " ".join(str(cause.str() if hasattr(cause, "str") else cause).split())
    name = cause.name() if hasattr(cause, "name") else ""
    if name in ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "_RESOLVE"):
        return f"no broker answers ({text}); is KAFKA_BOOTSTRAP_SERVERS right and the cluster up?"
    return text
