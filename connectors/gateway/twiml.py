"""What a caller hears, as TwiML. The user's text is data: escaped by the builder, cleaned and bounded here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twilio.twiml.messaging_response import MessagingResponse  # type: ignore[import-untyped]
from twilio.twiml.voice_response import VoiceResponse  # type: ignore[import-untyped]

MAX_WORDS_CHARS = 1000  # the carrier reads up to 4,096; nobody listens that long
PAUSE_S = 2
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2


@dataclass(frozen=True, slots=True)
class Frame:
    """The fixed words of one language: `code` is the carrier's name for its voice."""

    code: str
    reminder: str
    sorry: str


_ENGLISH = Frame(
    "en-US", "This is your reminder: {}", "We are sorry, something went wrong. We will try again. Goodbye."
)
_FRAMES = {
    "en": _ENGLISH,
    "de": Frame(
        "de-DE", "Ihre Erinnerung: {}", "Es tut uns leid, da ging etwas schief. Wir versuchen es noch einmal."
    ),
    "es": Frame(
        "es-ES", "Este es su recordatorio: {}", "Lo sentimos, algo salió mal. Volveremos a intentarlo."
    ),
    "fr": Frame("fr-FR", "Voici votre rappel : {}", "Désolé, une erreur s'est produite. Nous réessaierons."),
    "it": Frame("it-IT", "Ecco il suo promemoria: {}", "Ci dispiace, qualcosa è andato storto. Riproveremo."),
    "pt": Frame("pt-BR", "Este é o seu lembrete: {}", "Desculpe, algo deu errado. Tentaremos de novo."),
    "nl": Frame("nl-NL", "Dit is uw herinnering: {}", "Sorry, er ging iets mis. We proberen het opnieuw."),
}


def frame(language: str) -> Frame:
    """By the language of a tag such as `en` or `de-AT`; English where we have no words."""
    return _FRAMES.get(re.split("[-_]", language.lower())[0], _ENGLISH)


def clean(text: str) -> str:
    """Without what XML cannot hold, white space joined, at most `MAX_WORDS_CHARS`."""
    return " ".join(_NOT_XML.sub("", text).split())[:MAX_WORDS_CHARS]


def words(subject: str, language: str) -> str:
    """The reminder, then the end of the call."""
    spoken = frame(language)
    response = VoiceResponse()
    response.say(spoken.reminder.format(clean(subject)), language=spoken.code)
    response.hangup()
    return str(response)


def come_again(url: str) -> str:
    """A pause, and then ask `url` again."""
    response = VoiceResponse()
    response.pause(length=PAUSE_S)
    response.redirect(url, method="POST")
    return str(response)


def sorry(language: str) -> str:
    """The end of the call, without the reminder."""
    spoken = frame(language)
    response = VoiceResponse()
    response.say(spoken.sorry, language=spoken.code)
    response.hangup()
    return str(response)


def hang_up() -> str:
    response = VoiceResponse()
    response.hangup()
    return str(response)


def nothing() -> str:
    """The answer to an SMS: what we reply comes later, by itself."""
    return str(MessagingResponse())
