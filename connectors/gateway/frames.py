"""The fixed words of a call, one frame a language. Data."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """`code` is the carrier's name for the language. `reminder` holds the user's own words; `choice` says what the keys
    do, `done`, `snoozed` and `never` confirm them, `goodbye` follows where none was pressed."""

    code: str
    reminder: str
    choice: str
    done: str
    snoozed: str
    never: str
    goodbye: str
    sorry: str


_ENGLISH = Frame(
    "en-US",
    "This is your reminder: {}",
    "Press 1 if it is done, 2 to be called again in ten minutes, or 9 never to be called again.",
    "Well done. Goodbye.",
    "You will be called again in ten minutes. Goodbye.",
    "You will not be called again. To change your mind, text START. Goodbye.",
    "Goodbye.",
    "We are sorry, something went wrong. We will try again. Goodbye.",
)
_FRAMES = {
    "en": _ENGLISH,
    "de": Frame(
        "de-DE",
        "Ihre Erinnerung: {}",
        "Drücken Sie die 1, wenn es erledigt ist, die 2 für einen neuen Anruf in zehn Minuten, oder die 9, wenn Sie nie"
        " wieder angerufen werden möchten.",
        "Sehr gut. Auf Wiederhören.",
        "Sie werden in zehn Minuten noch einmal angerufen. Auf Wiederhören.",
        "Sie werden nicht mehr angerufen. Wenn Sie es sich anders überlegen, schreiben Sie START. Auf Wiederhören.",
        "Auf Wiederhören.",
        "Es tut uns leid, da ging etwas schief. Wir versuchen es noch einmal.",
    ),
    "es": Frame(
        "es-ES",
        "Este es su recordatorio: {}",
        "Pulse 1 si ya está hecho, 2 para que le llamemos de nuevo en diez minutos, o 9 para no recibir más llamadas.",
        "Muy bien. Adiós.",
        "Le llamaremos de nuevo en diez minutos. Adiós.",
        "No recibirá más llamadas. Si cambia de opinión, envíe START. Adiós.",
        "Adiós.",
        "Lo sentimos, algo salió mal. Volveremos a intentarlo.",
    ),
    "fr": Frame(
        "fr-FR",
        "Voici votre rappel : {}",
        "Tapez 1 si c'est fait, 2 pour être rappelé dans dix minutes, ou 9 pour ne plus jamais être appelé.",
        "Très bien. Au revoir.",
        "Nous vous rappellerons dans dix minutes. Au revoir.",
        "Vous ne serez plus appelé. Si vous changez d'avis, envoyez START. Au revoir.",
        "Au revoir.",
        "Désolé, une erreur s'est produite. Nous réessaierons.",
    ),
    "it": Frame(
        "it-IT",
        "Ecco il suo promemoria: {}",
        "Prema 1 se è fatto, 2 per essere richiamato tra dieci minuti, o 9 per non essere più chiamato.",
        "Molto bene. Arrivederci.",
        "La richiameremo tra dieci minuti. Arrivederci.",
        "Non sarà più chiamato. Se cambia idea, invii START. Arrivederci.",
        "Arrivederci.",
        "Ci dispiace, qualcosa è andato storto. Riproveremo.",
    ),
    "pt": Frame(
        "pt-BR",
        "Este é o seu lembrete: {}",
        "Tecle 1 se já está feito, 2 para receber outra ligação em dez minutos, ou 9 para nunca mais receber ligações.",
        "Muito bem. Até logo.",
        "Ligaremos de novo em dez minutos. Até logo.",
        "Você não receberá mais ligações. Se mudar de ideia, envie START. Até logo.",
        "Até logo.",
        "Desculpe, algo deu errado. Tentaremos de novo.",
    ),
    "nl": Frame(
        "nl-NL",
        "Dit is uw herinnering: {}",
        "Toets 1 als het gedaan is, 2 om over tien minuten opnieuw gebeld te worden,"
        " of 9 om nooit meer gebeld te worden.",
        "Heel goed. Tot ziens.",
        "U wordt over tien minuten opnieuw gebeld. Tot ziens.",
        "U wordt niet meer gebeld. Als u van gedachten verandert, stuur dan START. Tot ziens.",
        "Tot ziens.",
        "Sorry, er ging iets mis. We proberen het opnieuw.",
    ),
}


def frame(language: str) -> Frame:
    """By the language of a tag such as `en` or `de-AT`; English where we have no words."""
    return _FRAMES.get(re.split("[-_]", language.lower())[0], _ENGLISH)
