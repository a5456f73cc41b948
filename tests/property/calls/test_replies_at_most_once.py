"""At most one SMS a reply, and every reply ends, in random stories; a planted mistake is found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.records import ReplyState
from streams.once.gate import GateEntry
from streams.replies.processor import RepliesProcessor
from tests.property.calls.chance import Tape
from tests.property.calls.sms_story import SmsStory
from tests.property.calls.story import Broken
from tests.search.plants import a_timeout_is_not_sent

LENGTH = 400


def stories() -> None:
    """Three hundred random stories, in a row."""
    for seed in range(300):
        SmsStory(Tape.of_seed(seed, LENGTH)).play()


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1))
def test_a_reply_is_sent_at_most_once_whatever_happens(seed: int) -> None:
    """Crashes, zombies, aborted transactions, a lost gate, lost requests and replies."""
    SmsStory(Tape.of_seed(seed, LENGTH)).play()


def test_a_timeout_taken_for_not_sent_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read timeout that is tried again sends twice."""
    a_timeout_is_not_sent(monkeypatch)
    with pytest.raises(Broken, match="I1"):
        stories()


def test_a_rebuild_without_gated_bits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that was filled with epochs only lets a second request pass."""
    gate_of = RepliesProcessor._gate_of

    def bare(processor: RepliesProcessor, reply: ReplyState) -> GateEntry:
        return replace(gate_of(processor, reply), gated=False, finished=False)

    monkeypatch.setattr(RepliesProcessor, "_gate_of", bare)
    with pytest.raises(Broken, match="I1"):
        stories()
