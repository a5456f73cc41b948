"""TwiML, the part of it that our calls use: text in, verbs out. Pure.

Source: Twilio's "TwiML for Programmable Voice". A verb that is not here becomes Unsupported, which the call
notes in the ground truth and steps over.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass

MAX_BYTES = 64 * 1024  # Twilio's limit, error 11750


class TwimlError(Exception):
    """Not a TwiML document (Twilio error 12100)."""


@dataclass(frozen=True, slots=True)
class Say:
    text: str
    voice: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Redirect:
    url: str
    method: str


@dataclass(frozen=True, slots=True)
class Hangup:
    pass


@dataclass(frozen=True, slots=True)
class Gather:
    prompt: tuple["Say | Pause", ...]
    action: str | None
    method: str
    timeout_s: float
    num_digits: int | None
    finish_on_key: str


@dataclass(frozen=True, slots=True)
class Unsupported:
    name: str


Verb = Say | Pause | Redirect | Hangup | Gather | Unsupported


def parse(document: bytes) -> tuple[Verb, ...]:
    """The verbs of a `<Response>`, in order. Raises TwimlError."""
    if len(document) > MAX_BYTES:
        raise TwimlError(f"longer than {MAX_BYTES} bytes")
    if b"<!DOCTYPE" in document:
        raise TwimlError("a document type is not allowed")  # entities could blow the parser up
    try:
        root = ET.fromstring(document)
    except ET.ParseError as error:
        raise TwimlError(str(error)) from error
    if root.tag != "Response":
        raise TwimlError(f"the root is <{root.tag}>, not <Response>")
    return tuple(_verb(element) for element in root)


def _verb(element: ET.Element) -> Verb:
    match element.tag:
        case "Say":
            return Say(_text(element), element.get("voice"))
        case "Pause":
            return Pause(_number(element, "length", 1.0))
        case "Redirect":
            return Redirect(_text(element), element.get("method", "POST").upper())
        case "Hangup":
            return Hangup()
        case "Gather":
            prompt = tuple(verb for verb in map(_verb, element) if isinstance(verb, Say | Pause))
            digits = element.get("numDigits")
            return Gather(
                prompt=prompt,
                action=element.get("action"),
                method=element.get("method", "POST").upper(),
                timeout_s=_number(element, "timeout", 5.0),
                num_digits=int(digits) if digits is not None and digits.isdecimal() else None,
                finish_on_key=element.get("finishOnKey", "#"),
            )
        case name:
            return Unsupported(str(name))


def _text(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _number(element: ET.Element, name: str, default: float) -> float:
    try:
        return max(0.0, float(element.get(name, default)))
    except ValueError:
        return default
