"""TwiML: whatever the user's text is, the document is well formed and says exactly the cleaned text."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.gateway import twiml
from connectors.gateway.frames import frame
from infra.simulator import twiml as carrier

URL = "https://ring.example/key?k=a.1.1.1&t=acme&e=1&n=n&c=CA1&l=en"
# Everything that JSON can spell: lone surrogates and controls too.
ANYTHING = st.text(st.characters(codec=None), max_size=300)
LANGUAGES = st.sampled_from(["en", "de-AT", "es", "fr", "it", "pt", "nl", "tlh", ""])


@given(ANYTHING, LANGUAGES, st.sampled_from([None, "Polly.Joanna"]), st.booleans())
@example("</Say><Redirect>https://evil.example</Redirect><Say>", "en", None, True)
@example("<!DOCTYPE x [<!ENTITY a 'b'>]>&a;", "en", None, True)
@example("]]><![CDATA[ --> &#0; &amp;amp; \ud800 \x00\x1b[2J\x85\u2028", "de", "Polly.Vicki", False)
def test_any_text_is_data(text: str, language: str, voice: str | None, keys: bool) -> None:
    """Well-formed, one Say that holds the text, and no element that the text brought with it."""
    document = twiml.words(text, language, voice, URL if keys else None)
    root = ElementTree.fromstring(document)
    shape = [[e.tag, *(inner.tag for inner in e)] for e in root]
    assert shape == ([["Gather", "Say", "Say"], ["Say"], ["Hangup"]] if keys else [["Say"], ["Hangup"]])
    said = root.findtext("Gather/Say" if keys else "Say")
    assert said == frame(language).reminder.format(twiml.clean(text))
    assert {say.get("voice") for say in root.iter("Say")} == {voice}
    assert {say.get("language") for say in root.iter("Say")} == {frame(language).code}
    carrier.parse(document.encode())  # what the carrier makes of it is no error either


@given(ANYTHING)
def test_what_is_said_is_bounded_and_holds_no_control_characters(text: str) -> None:
    """And everything else of it is said, in its order."""
    cleaned = twiml.clean(text * 10)
    assert len(cleaned) <= twiml.MAX_WORDS_CHARS
    assert not [c for c in cleaned if ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000]
    sayable = "".join(
        c for c in text if c.isprintable() and not c.isspace() and ord(c) not in (0xFFFE, 0xFFFF)
    )
    assert [c for c in twiml.clean(text) if c in sayable] == list(sayable)[: twiml.MAX_WORDS_CHARS]


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "it", "pt", "nl"])
def test_every_language_has_all_its_sentences(language: str) -> None:
    """And offers all three keys."""
    spoken = frame(language)
    assert spoken.code.startswith(language)
    assert spoken.reminder.count("{}") == 1
    assert all(key in spoken.choice for key in "129")
    assert "START" in spoken.never
    assert all([spoken.done, spoken.snoozed, spoken.goodbye, spoken.sorry])


def test_the_choice_waits_for_one_key_of_any_kind() -> None:
    """# ends no input: it is a key that means nothing, like any other."""
    gather, *_ = carrier.parse(twiml.choice("en", None, URL).encode())
    assert isinstance(gather, carrier.Gather)
    assert (gather.num_digits, gather.finish_on_key, gather.action, gather.method) == (1, "", URL, "POST")
