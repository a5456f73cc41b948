"""SMS replies: at most one message a reply, whatever fails; step 9 of the protocol."""

from __future__ import annotations

import pytest

from streams.once.carrier import CarrierMessage
from streams.once.effects import Checking, Enter, Place
from streams.runtime.processor import Unresolved
from streams.topology import SMS_EVENTS
from tests.unit.streams.replies.line import SmsLine


@pytest.fixture
def line() -> SmsLine:
    line = SmsLine()
    line.settle()
    return line


def test_a_reply_is_sent_once_and_a_copy_not_at_all(line: SmsLine) -> None:
    """Claimed, sent, ended; the same reply again sends nothing."""
    name = line.reply()
    line.reply()
    line.settle()
    line.reply()
    line.settle()
    assert (line.states(name), line.sent(name), line.phase(name)) == (["CLAIMED", "SENT"], 1, "ENDED")


def test_the_text_is_forgotten_with_the_end(line: SmsLine) -> None:
    """That it was sent is remembered, what it said is not."""
    name = line.reply()
    line.settle()
    assert line.committed[f"e|acme|+14155550101|{name}"][1]["body"] == ""


def test_a_reply_that_was_not_sent_is_tried_again(line: SmsLine) -> None:
    """Certainly not acted upon: another try, after a wait."""
    line.carrier.script.extend(["not_sent"] * 3)
    name = line.reply()
    line.pass_time(60)
    assert line.states(name)[-1] == "SENT"
    assert (line.states(name).count("NOT_SENT"), line.sent(name)) == (3, 1)


def test_a_reply_that_is_never_taken_fails_after_an_hour(line: SmsLine) -> None:
    """Trying has an end, in writing."""
    line.carrier.script.extend(["not_sent"] * 2_000)
    name = line.reply()
    line.pass_time(3_700)
    assert (line.states(name)[-1], line.sent(name)) == ("FAILED", 0)


def test_a_refusal_is_the_end(line: SmsLine) -> None:
    """The carrier said no: FAILED, not tried again."""
    line.carrier.script.append("refused")
    name = line.reply()
    line.pass_time(60)
    assert (line.states(name), line.phase(name)) == (["CLAIMED", "FAILED"], "ENDED")


@pytest.mark.parametrize(("how", "end"), [("reply_lost", "SENT"), ("dropped", "FAILED")])
def test_an_unknown_reply_is_looked_up_and_never_sent_again(line: SmsLine, how: str, end: str) -> None:
    """The carrier's message list decides; not found within T_resolve: FAILED."""
    line.carrier.script.append(how)
    name = line.reply()
    line.pass_time(121)
    assert line.states(name) == ["CLAIMED", "UNKNOWN", end]
    assert line.sent(name) == (1 if how == "reply_lost" else 0)


def test_an_equal_text_of_another_reply_is_not_taken_for_it(line: SmsLine) -> None:
    """A message that is bound to another reply is left out."""
    line.reply("m1")
    line.settle()
    line.carrier.script.append("dropped")
    line.reply("m2")
    line.log["sms.outbound"][-1][1]["body"] = "text of m1"  # type: ignore[index]
    line.pass_time(121)
    assert line.states("m2")[-1] == "FAILED"


def test_an_unknown_reply_is_resolved_by_a_callback(line: SmsLine) -> None:
    """DELIVERED says that it was sent."""
    line.carrier.script.append("reply_lost")
    name = line.reply()
    line.settle()
    line.callback(name, "DELIVERED")
    line.settle()
    assert line.phase(name) == "ENDED"


def test_after_stop_only_its_own_answers_are_sent(line: SmsLine) -> None:
    """Opted out: an ack FAILED unsent, the confirmation and HELP go out."""
    line.fact("OPTED_OUT")
    line.settle()
    for kind in ("ack", "stop", "help"):
        line.reply(kind, kind)
    line.pass_time(1)
    assert [line.sent(k) for k in ("ack", "stop", "help")] == [0, 1, 1]
    assert line.states("ack") == ["FAILED"]


def test_a_stop_while_a_reply_is_on_its_way_stops_it(line: SmsLine) -> None:
    """What was written before the self-check's sample is read before the request."""
    name = line.reply()
    line.owner.work_until(Checking)
    line.fact("OPTED_OUT")
    line.settle()
    assert line.states(name) == ["CLAIMED", "NOT_SENT", "FAILED"]
    assert line.sent(name) == 0


def test_a_stop_while_a_reply_waits_for_its_next_try_ends_it(line: SmsLine) -> None:
    """It does not wait for its timer."""
    line.carrier.script.append("not_sent")
    name = line.reply()
    line.settle()
    line.fact("OPTED_OUT")
    line.settle()
    assert line.states(name)[-1] == "FAILED"


def test_a_gated_reply_is_never_sent_by_the_next_owner(line: SmsLine) -> None:
    """The owner died with the request out; the next one looks it up."""
    name = line.reply()
    line.owner.work_until(Place)
    line.owner.run(line.owner.waiting(Place)[0])
    line.take_over()
    line.pass_time(6)
    assert (line.states(name), line.sent(name)) == (["CLAIMED", "UNKNOWN", "SENT"], 1)


def test_an_ungated_reply_is_claimed_again_by_the_next_owner(line: SmsLine) -> None:
    """The owner died before the gate."""
    name = line.reply()
    line.owner.turn()
    line.take_over()
    line.settle()
    assert (line.states(name), line.sent(name)) == (["CLAIMED", "CLAIMED", "SENT"], 1)


def test_a_former_owner_that_did_not_send_gives_the_try_back(line: SmsLine) -> None:
    """NOT_SENT as plain evidence: the next try follows."""
    name = line.reply()
    line.owner.work_until(Enter)
    old = line.owner
    old.run(old.waiting(Enter)[0])
    line.take_over()
    old.give_up()
    line.pass_time(3)
    assert (line.states(name)[-1], line.sent(name)) == ("SENT", 1)


def test_a_door_that_shuts_between_two_tries_stalls_neither(line: SmsLine) -> None:
    """The state key is the same for all tries: what memory held of the first must not hide the second."""
    line.carrier.script.append("not_sent")
    name = line.reply()
    line.owner.work_until(Checking)
    line.owner.run(line.owner.waiting(Checking)[0])
    line.reply("other")
    line.owner.turn(abort=True)  # "posted", taken back
    line.clock.advance(2.1)  # and now too old
    line.server.away = True
    line.pass_time(5)
    line.server.away = False
    line.pass_time(10)
    assert line.sent(name) == 1


@pytest.mark.parametrize("keep", [True, False])
def test_a_lost_gate_delays_a_reply_only(line: SmsLine, keep: bool) -> None:
    """Filled from the log, then on; what was out and unposted is another try."""
    name = line.reply()
    line.owner.work_until(Enter)
    line.server.restart(keep=keep)
    line.pass_time(5)
    assert line.sent(name) == 1


def test_late_callbacks_end_nothing_twice(line: SmsLine) -> None:
    """Evidence about an ended reply is folded; the furthest stays."""
    name = line.reply()
    line.settle()
    for state in ("DELIVERED", "SENT", "CLAIMED"):
        line.callback(name, state)
    line.settle()
    ended = line.committed[f"e|acme|+14155550101|{name}"][1]
    assert (ended["state"], ended["phase"]) == ("DELIVERED", "ENDED")


def receipts(line: SmsLine, seconds: int) -> list[int]:
    """Let time pass, and note at which second the carrier is asked for the message."""
    began_ms, asked, fetch_message = line.clock.now_ms(), [], line.carrier.fetch_message

    async def noted(sid: str) -> CarrierMessage | None:
        asked.append(round((line.clock.now_ms() - began_ms) / 1000))
        return await fetch_message(sid)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line.carrier, "fetch_message", noted)  # the same carrier, watched
        line.pass_time(seconds)
    return asked


def test_whether_a_reply_arrived_is_asked_three_times(line: SmsLine) -> None:
    """No callback, and a network that confirms nothing: after a minute, ten, an hour; SENT is then all we know."""
    name = line.reply()
    line.settle()
    line.carrier.become("SM1", "sent")
    assert receipts(line, 86_400) == [60, 600, 3_600]
    assert (line.states(name), line.sent(name)) == (["CLAIMED", "SENT"], 1)


@pytest.mark.parametrize(("status", "state"), [("delivered", "DELIVERED"), ("undelivered", "FAILED")])
def test_a_lost_callback_of_a_reply_is_made_up_for(line: SmsLine, status: str, state: str) -> None:
    """What the carrier says when asked is evidence, and ends the asking."""
    name = line.reply()
    line.settle()
    line.carrier.become("SM1", status)
    assert receipts(line, 86_400) == [60]
    assert line.states(name) == ["CLAIMED", "SENT", state]


def test_a_delivered_reply_is_not_asked_for(line: SmsLine) -> None:
    """Its callback came."""
    name = line.reply()
    line.settle()
    line.callback(name, "DELIVERED")
    line.settle()
    assert line.owner.times() == [line.clock.now_ms() + 35 * 86_400_000], "no timer but that of forgetting"
    assert receipts(line, 86_400) == []


def test_a_carrier_that_is_away_or_knows_nothing_changes_no_reply(line: SmsLine) -> None:
    """SENT stands; the next question comes at its time."""
    name = line.reply()
    line.settle()
    line.carrier.away = True
    line.pass_time(100)
    line.carrier.away = False
    del line.carrier.messages["SM1"]
    assert receipts(line, 1_000) == [500]
    assert line.states(name) == ["CLAIMED", "SENT"]


@pytest.mark.parametrize("end", ["sent", "refused", "opted out"])
def test_every_end_is_forgotten(line: SmsLine, end: str) -> None:
    """Whatever became of it, with or without a claim: nothing stays for ever."""
    if end == "refused":
        line.carrier.script.append("refused")
    elif end == "opted out":
        line.fact("OPTED_OUT")
        line.settle()
    line.reply()
    line.pass_time(4_000)
    line.clock.advance(35 * 86_400)
    line.settle()
    assert [key for key in line.committed if key.startswith("e|")] == []


def test_what_is_remembered_is_forgotten_after_35_days(line: SmsLine) -> None:
    """Longer than any input's retention, then it leaves the state."""
    line.reply()
    line.settle()
    line.clock.advance(35 * 86_400 + 1)
    line.settle()
    assert list(line.committed) == ["epoch"]


def _acknowledged(line: SmsLine) -> list[float]:
    """Seconds that were observed."""
    return [o.value for o in line.observed if o.metric == "ringback_acknowledgement_seconds"]


def test_how_long_an_sms_waited_for_its_answer_is_told_once(line: SmsLine) -> None:
    """From when the SMS was accepted until the carrier has the answer, also by another try; callbacks tell nothing."""
    accepted_at = line.clock.now_ms() - 700
    line.carrier.script.append("not_sent")
    name = line.reply(accepted_at=accepted_at)
    line.pass_time(5)
    assert line.states(name)[-1] == "SENT"
    (waited_s,) = _acknowledged(line)
    (sent,) = [e for e in line.evidence(SMS_EVENTS.name) if e["state"] == "SENT"]
    assert waited_s == (sent["at"] - accepted_at) / 1000 > 0.7
    line.callback(name, "DELIVERED")
    line.settle()
    assert len(_acknowledged(line)) == 1


@pytest.mark.parametrize(("how", "told"), [("not_sent", 1), ("dropped", 1), ("refused", 0)])
def test_an_answer_that_was_given_up_counts_as_late(line: SmsLine, how: str, told: int) -> None:
    """Or the worst would be missing in the figure. What the carrier refuses is not ours."""
    line.carrier.script.extend([how] * (2_000 if how == "not_sent" else 1))
    name = line.reply(accepted_at=line.clock.now_ms())
    line.pass_time(3_700)
    assert line.states(name)[-1] == "FAILED"
    assert len([s for s in _acknowledged(line) if s > 100]) == told == len(_acknowledged(line))


def test_an_sms_that_answers_none_is_not_measured(line: SmsLine) -> None:
    """A follow-up has no SMS that it could be late for."""
    line.reply()
    line.settle()
    assert _acknowledged(line) == []


@pytest.mark.parametrize("how", ["callback", "list", "written off"])
def test_an_unknown_reply_is_told_until_it_is_resolved(line: SmsLine, how: str) -> None:
    """With the time of its claim, by each owner; however it ends, that is told too."""
    claimed_ms = line.clock.now_ms()
    line.carrier.script.append("reply_lost" if how == "list" else "dropped")
    name = line.reply()
    line.settle()
    line.take_over()
    line.settle()
    told = [s.since_ms for s in line.signals if isinstance(s, Unresolved)]
    assert told[:2] == [claimed_ms] * 2
    if how == "callback":
        line.callback(name, "SENT")
    line.pass_time(130)
    assert [s for s in line.signals if isinstance(s, Unresolved)][-1].since_ms is None


def test_a_reply_that_was_never_unknown_tells_of_no_resolution(line: SmsLine) -> None:
    """Most replies are not: they cost nothing, and neither does one that is tried again."""
    line.carrier.script.append("not_sent")
    name = line.reply()
    line.pass_time(60)
    assert line.states(name)[-1] in ("SENT", "DELIVERED")
    assert [s for s in line.signals if isinstance(s, Unresolved)] == []
