"""Who hears the words, as a pure machine: step 7 of the call protocol, for a call that was picked up.

    pick_up ─▶ WhichLife ─▶ ReadGate ─▶ GiveWords ─▶ WriteAnswered ─▶ GiveWords ─▶ ReadGate ─▶ Words
                    │ a server that is away, a gate that is not there, an ANSWERED that is not confirmed, a gate or a
                    ▼ life that has changed
               ComeAgain (3 times), then Sorry or HangUp;  words that another call has: HangUp

The order is the point. The words belong to the first sid that asks *in one life of the server*; ANSWERED is in Kafka
before they are said; and after that the gate is asked once more, because a server that was lost in between may have
been filled from a log that did not hold our ANSWERED yet, and have given the words to another call. TOLD is written
after the words, and is not part of the machine: without it they go out by SMS as well.

No I/O, no clock: `step(picked, answer)` says what is wanted next, an effect or the reply. The gateway runs the
effects; the search in the tests puts anything that can happen between two of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from streams.ids import CallKey, user_number
from streams.once.effects import Unavailable
from streams.once.gate import GateEntry, Say

MAX_ASKED = 3

# -- effects


@dataclass(frozen=True, slots=True)
class WhichLife:
    """Ask the server for its generation. Answer: str, or Unavailable."""


@dataclass(frozen=True, slots=True)
class ReadGate:
    """Read the gate of one attempt. Answer: GateEntry, None, or Unavailable."""

    key: str


@dataclass(frozen=True, slots=True)
class GiveWords:
    """Give the words of `occurrence` to the first sid that asks, in this life only. Answer: the sid that has them, or
    Unavailable. Asking again writes nothing new."""

    occurrence: str
    sid: str
    generation: str


@dataclass(frozen=True, slots=True)
class WriteAnswered:
    """Write ANSWERED(sid) with acks=all. Answer: bool, confirmed or not; if not, it may be written all the same."""

    say: Say


AnswerEffect = WhichLife | ReadGate | GiveWords | WriteAnswered

# -- replies; `outcome` is the word under which they are counted


@dataclass(frozen=True, slots=True)
class Words:
    """Say them, hang up, write TOLD."""

    say: Say
    outcome: str = "told"


@dataclass(frozen=True, slots=True)
class HangUp:
    outcome: str


@dataclass(frozen=True, slots=True)
class ComeAgain:
    """A pause, and the same call asks again."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Sorry:
    """An apology, without the words."""

    outcome: str
    language: str


Reply = Words | HangUp | ComeAgain | Sorry
Answer = str | GateEntry | bool | Unavailable | None


@dataclass(frozen=True, slots=True)
class PickedUp:
    """A call that was picked up, and how far we are with it. `asked`: how often it was told to come again.

    `at` is the name of the question that is out: life, gate, words, write, words_again, gate_again.
    """

    key: CallKey
    sid: str
    to: str  # the number that picked up, E.164
    asked: int = 0
    at: str = "life"
    generation: str = ""
    say: Say | None = None

    @property
    def give_words(self) -> GiveWords:
        return GiveWords(str(self.key.occurrence), self.sid, self.generation)


Next = tuple[PickedUp, AnswerEffect | Reply]


def pick_up(key: CallKey, sid: str, to: str, asked: int = 0) -> tuple[PickedUp, AnswerEffect]:
    """The carrier asks what the call `sid` of attempt `key` to the number `to` gets."""
    return PickedUp(key, sid, to, asked), WhichLife()


def step(picked: PickedUp, answer: Answer) -> Next:
    """The answer to what was wanted last; what is wanted now."""
    if isinstance(answer, Unavailable):
        return picked, _later(picked, "gate_away")
    return _STEPS[picked.at](picked, answer)


def _life(picked: PickedUp, generation: Answer) -> Next:
    assert isinstance(generation, str)
    return replace(picked, at="gate", generation=generation), ReadGate(str(picked.key))


def _gate(picked: PickedUp, entry: Answer) -> Next:
    say = _words_of(entry)
    if say is None:
        return picked, _later(picked, "unknown_call")
    if user_number(say.user) != picked.to:
        return picked, HangUp("wrong_number")
    return replace(picked, at="words", say=say), picked.give_words


def _given(picked: PickedUp, holder: Answer) -> Next:
    assert picked.say is not None
    if holder != picked.sid:
        return picked, HangUp("other_call")
    return replace(picked, at="write"), WriteAnswered(picked.say)


def _written(picked: PickedUp, confirmed: Answer) -> Next:
    if not confirmed:
        return picked, _later(picked, "not_stored")
    return replace(picked, at="words_again"), picked.give_words


def _given_again(picked: PickedUp, holder: Answer) -> Next:
    if holder != picked.sid:
        return picked, _later(picked, "gate_changed")
    return replace(picked, at="gate_again"), ReadGate(str(picked.key))


def _gate_again(picked: PickedUp, entry: Answer) -> Next:
    if picked.say is None or _words_of(entry) != picked.say:
        return picked, _later(picked, "gate_changed")
    return picked, Words(picked.say)


_STEPS: dict[str, Callable[[PickedUp, Answer], Next]] = {
    "life": _life,
    "gate": _gate,
    "words": _given,
    "write": _written,
    "words_again": _given_again,
    "gate_again": _gate_again,
}


def _words_of(entry: Answer) -> Say | None:
    """Only a gate that was passed is a call of ours."""
    return entry.say if isinstance(entry, GateEntry) and entry.gated else None


def _later(picked: PickedUp, reason: str) -> Reply:
    if picked.asked < MAX_ASKED:
        return ComeAgain(reason)
    if reason == "unknown_call":
        return HangUp("unknown_call_given_up")
    return Sorry(f"{reason}_given_up", picked.say.language if picked.say else "en")
