"""TwiML in, verbs out."""

import pytest

from infra.simulator.twiml import (
    MAX_BYTES,
    Gather,
    Hangup,
    Pause,
    Redirect,
    Say,
    TwimlError,
    Unsupported,
    Verb,
    parse,
)


@pytest.mark.parametrize(
    ("inner", "verb"),
    [
        (
            "<Say voice='alice'>  Buy\n <emphasis>two</emphasis> milks &amp; jam </Say>",
            Say("Buy two milks & jam", "alice"),
        ),
        ("<Pause/>", Pause(1.0)),
        ("<Pause length='3'/>", Pause(3.0)),
        ("<Pause length='soon'/>", Pause(1.0)),
        ("<Redirect method='get'> /voice?a=1&amp;b=2 </Redirect>", Redirect("/voice?a=1&b=2", "GET")),
        ("<Hangup/>", Hangup()),
        ("<Gather/>", Gather((), None, "POST", 5.0, None, "#")),
        (
            "<Gather numDigits='1' timeout='3' action='/d'><Say>1?</Say><Pause length='2'/><Play>x</Play></Gather>",
            Gather((Say("1?"), Pause(2.0)), "/d", "POST", 3.0, 1, "#"),
        ),
        ("<Record/>", Unsupported("Record")),
    ],
)
def test_each_verb(inner: str, verb: Verb) -> None:
    """One verb in a document of its own."""
    assert parse(f"<?xml version='1.0' encoding='UTF-8'?><Response>{inner}</Response>".encode()) == (verb,)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"OK",
        b"<Response><Say></Response>",
        b"<response/>",
        b"<!DOCTYPE r [<!ENTITY a 'aaaa'>]><Response><Say>&a;</Say></Response>",
        b"<Response>" + b" " * MAX_BYTES + b"</Response>",
    ],
)
def test_what_is_not_twiml(document: bytes) -> None:
    """Empty, text, broken, another root, entities, too long: an error, which sends the call to its fallback."""
    with pytest.raises(TwimlError):
        parse(document)
