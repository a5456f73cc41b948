"""What a caller hears, as TwiML. The user's text is data: escaped by the builder, cleaned and bounded here.

The fixed words are in `frames.py`, one frame a language; which voice speaks them is the tenant's.
"""

from __future__ import annotations

import re

from twilio.twiml.messaging_response import MessagingResponse  # type: ignore[import-untyped]
from twilio.twiml.voice_response import VoiceResponse  # type: ignore[import-untyped]

from connectors.gateway.frames import frame

MAX_WORDS_CHARS = 1000  # the carrier reads up to 4,096; nobody listens that long
PAUSE_S = 2
KEY_WAIT_S = 5  # the carrier's own default
# What XML 1.0 (section 2.2) cannot hold, and the C1 controls, which it can and nobody can say. NEL is white space.
_CONTROLS = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Without control characters, white space joined, at most `MAX_WORDS_CHARS`."""
    return " ".join(_CONTROLS.sub("", text).split())[:MAX_WORDS_CHARS]


def words(subject: str, language: str, voice: str | None = None, key_url: str | None = None) -> str:
    """The reminder, what can be done about it by a key that is posted to `key_url`, and the end of the call.

    Without a URL nothing is offered: an answering machine presses no keys.
    """
    spoken = frame(language)
    response, reminder = VoiceResponse(), spoken.reminder.format(clean(subject))
    if key_url is None:
        _say(response, reminder, language, voice)
    else:
        _offer(response, key_url, [reminder, spoken.choice], language, voice)
    response.hangup()
    return str(response)


def choice(language: str, voice: str | None, key_url: str) -> str:
    """What can be done by a key, said again."""
    response = VoiceResponse()
    _offer(response, key_url, [frame(language).choice], language, voice)
    response.hangup()
    return str(response)


def last_words(text: str, language: str, voice: str | None = None) -> str:
    """One of the frame's sentences, and the end of the call."""
    response = VoiceResponse()
    _say(response, text, language, voice)
    response.hangup()
    return str(response)


def sorry(language: str, voice: str | None = None) -> str:
    """The end of the call, without the reminder."""
    return last_words(frame(language).sorry, language, voice)


def come_again(url: str) -> str:
    """A pause, and then ask `url` again."""
    response = VoiceResponse()
    response.pause(length=PAUSE_S)
    response.redirect(url, method="POST")
    return str(response)


def hang_up() -> str:
    response = VoiceResponse()
    response.hangup()
    return str(response)


def nothing() -> str:
    """The answer to an SMS: what we reply comes later, by itself."""
    return str(MessagingResponse())


def _offer(
    response: VoiceResponse, key_url: str, sentences: list[str], language: str, voice: str | None
) -> None:
    """Say it and wait for a key, which may be pressed before all is said; without one, good bye."""
    # No key ends the input, so that # is a key like any other; and one key is enough.
    gather = response.gather(
        num_digits=1, finish_on_key="", timeout=KEY_WAIT_S, action=key_url, method="POST"
    )
    for sentence in sentences:
        _say(gather, sentence, language, voice)
    _say(response, frame(language).goodbye, language, voice)


def _say(verb: VoiceResponse, text: str, language: str, voice: str | None) -> None:
    verb.say(text, language=frame(language).code, voice=voice)
