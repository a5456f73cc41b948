"""What is promised, as data: each promise, at which steps of the map it is kept, by which code, shown by which test.

`infra/docs/life.py` makes the page "life of one reminder" of it; `tests/unit/docs` checks that every path and every
test exists. The numbers are those that checkers print when they find one broken.
"""

from __future__ import annotations

from dataclasses import dataclass

from streams.topology import BACKFILL, BILLING, CALLING, GATEWAY, INBOUND, REMINDERS, REPLIES

LOOP = "loop"
"""Where a promise is kept that all stages share: the transactional loop that runs them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One place where a promise is kept. `at`: a stage or door of the map, or LOOP; `code` a file, `test` a
    `file::name`, both from the root of the repository."""

    at: str
    how: str
    code: str
    test: str


@dataclass(frozen=True, slots=True)
class Promise:
    """Kept at none of the steps: not kept yet."""

    id: str
    says: str
    kept: tuple[Kept, ...] = ()


_CALLS_TESTS = "tests/unit/streams/calls"
_REMINDERS_TESTS = "tests/unit/streams/reminders"

PROMISES: tuple[Promise, ...] = (
    Promise(
        "I1",
        "one attempt rings the phone at most once",
        (
            Kept(
                CALLING.name,
                "claim in Kafka, then one script in Redis that lets nobody in twice, then one request, never repeated",
                "streams/once/claiming.py",
                "tests/property/calls/test_at_most_once.py::test_the_protocol_holds_in_random_stories",
            ),
            Kept(
                CALLING.name,
                "two owners, crashes, lost requests, a Redis that forgets: every order is searched, within bounds",
                "streams/calls/processor.py",
                "tests/search/test_search.py::test_every_state_within_short_bounds_keeps_the_promises",
            ),
            Kept(
                REPLIES.name,
                "the same steps for an SMS to the user",
                "streams/replies/attempts.py",
                "tests/property/calls/test_replies_at_most_once.py::test_a_reply_is_sent_at_most_once_whatever_happens",
            ),
        ),
    ),
    Promise(
        "I2",
        "the words are heard in at most one call",
        (
            Kept(
                GATEWAY.name,
                "the first call that is picked up gets them, written down before they are said; another hangs up",
                "connectors/gateway/answering.py",
                "tests/unit/gateway/test_voice.py::test_another_call_of_the_occurrence_hears_nothing",
            ),
        ),
    ),
    Promise(
        "I3",
        "no call without a claim that is committed and a gate that is passed",
        (
            Kept(
                LOOP,
                "what a step wants done outside Kafka is released when its transaction has committed",
                "streams/runtime/effects.py",
                "tests/integration/loop/test_commit.py::test_an_effect_is_released_only_after_its_transaction_has_committed",
            ),
        ),
    ),
    Promise(
        "I4",
        "a member that was replaced while it stood still calls nobody",
        (
            Kept(
                CALLING.name,
                "each new owner raises the epoch in the gate before it does anything else; an older one is refused",
                "connectors/gate/gate.lua",
                f"{_CALLS_TESTS}/test_takeover.py::test_a_zombie_behind_the_fence_enters_no_gate",
            ),
        ),
    ),
    Promise(
        "I5",
        "each SMS ends in exactly one outcome, or as a dead letter with its reason",
        (
            Kept(
                GATEWAY.name,
                "the carrier is told 200 when Kafka has the SMS on all in-sync replicas, else 503",
                "connectors/gateway/delivery.py",
                "tests/integration/gateway/test_gateway_kafka.py::test_nothing_acknowledged_is_lost_when_the_broker_dies",
            ),
            Kept(
                BACKFILL.name,
                "compares the carrier's list with the topic and writes what is missing; a copy has no effect",
                "connectors/backfill/comparing.py",
                "tests/integration/path/test_backfill.py::test_exactly_the_lost_sms_are_injected_and_each_has_one_outcome",
            ),
            Kept(
                INBOUND.name,
                "what cannot be read or served is set aside with its bytes, and the partition goes on",
                "streams/inbound.py",
                "tests/unit/streams/inbound/test_inbound.py::test_what_cannot_be_served_is_a_dead_letter_with_its_reason",
            ),
            Kept(
                REMINDERS.name,
                "a sid is remembered for 35 days: the same SMS again does nothing",
                "streams/reminders/accept.py",
                f"{_REMINDERS_TESTS}/test_asking.py::test_the_same_message_sid_again_does_nothing",
            ),
        ),
    ),
    Promise(
        "I6",
        "each reminder that fell due ends, in writing",
        (
            Kept(
                REMINDERS.name,
                "a timer stands behind every state that is no end; what was not called is said by SMS",
                "streams/reminders/outcomes.py",
                "tests/integration/path/test_kill_at_failpoints.py::"
                "test_a_stage_killed_at_any_failpoint_loses_and_doubles_nothing",
            ),
            Kept(
                CALLING.name,
                "a call whose callbacks stay away is asked for at the carrier until it has an end",
                "streams/calls/following.py",
                f"{_CALLS_TESTS}/test_following.py::test_a_call_whose_callbacks_stay_away_is_asked_for_until_it_ends",
            ),
            Kept(
                REMINDERS.name,
                "answered, and not known whether the words were said: 30 s after the call they go out by SMS as well",
                "streams/reminders/outcomes.py",
                f"{_REMINDERS_TESTS}/test_outcomes.py::"
                "test_answered_without_told_says_the_words_by_sms_30_s_after_the_call",
            ),
        ),
    ),
    Promise(
        "I7",
        "nobody is called early",
        (
            Kept(
                REMINDERS.name,
                "a timer that comes before its time fires nothing, whoever woke it",
                "streams/reminders/firing.py",
                f"{_REMINDERS_TESTS}/test_firing.py::test_a_timer_that_comes_early_fires_nothing",
            ),
            Kept(
                LOOP,
                "time is held when our clock and the broker's disagree, and follows no jump of the wall clock",
                "streams/runtime/clock.py",
                "tests/integration/loop/test_clock.py::test_a_wall_clock_that_jumps_neither_fires_early_nor_stalls",
            ),
        ),
    ),
    Promise(
        "I8",
        "charged: each SMS that counts and each reminder that was answered, once",
        (
            Kept(
                BILLING.name,
                "a charge is named after what it is for, so the same fact again is the same charge",
                "streams/billing.py",
                "tests/unit/streams/billing/test_billing.py::test_an_answered_occurrence_makes_one_charge",
            ),
        ),
    ),
    Promise(
        "I9",
        "what is known of a call is never taken back, in whatever order it is told",
        (
            Kept(
                CALLING.name,
                "evidence is folded: a call only moves forward, a mark once set stays",
                "streams/calls/fold.py",
                "tests/unit/streams/fold/test_fold.py::test_neither_order_nor_copies_matter",
            ),
        ),
    ),
    Promise(
        "I10",
        "an unknown outcome is written down, and resolved within two minutes",
        (
            Kept(
                CALLING.name,
                "callbacks and the carrier's list decide; what is not found by then was not placed, and that is final",
                "streams/once/asking.py",
                f"{_CALLS_TESTS}/test_following.py::test_an_unknown_ends_though_the_carrier_cannot_be_asked",
            ),
        ),
    ),
    Promise(
        "I11",
        "a user's reminders fire in order of their times, and none after STOP",
        (
            Kept(
                REMINDERS.name,
                "due order per user, also after a pause; what falls due after STOP is cancelled",
                "streams/reminders/turn.py",
                f"{_REMINDERS_TESTS}/test_firing.py::test_reminders_of_a_user_fire_in_due_order_also_after_a_pause",
            ),
            Kept(
                CALLING.name,
                "the last look before the request reads every STOP that was written by then; what rings is taken back",
                "streams/calls/attempts.py",
                f"{_CALLS_TESTS}/test_claiming.py::test_a_no_while_the_claim_is_on_its_way_stops_the_post",
            ),
            Kept(
                REPLIES.name,
                "after STOP only its own confirmation and answers to HELP and START go out",
                "streams/replies/attempts.py",
                "tests/unit/streams/replies/test_replies.py::test_after_stop_only_its_own_answers_are_sent",
            ),
        ),
    ),
    Promise("I12", "a tenant gets its quota, and moves nobody else's calls"),
    Promise(
        "I13",
        "state on disk is what its changelog says, or is thrown away",
        (
            Kept(
                LOOP,
                "state and its place in the changelog are one local transaction; a store without proof is restored",
                "streams/runtime/store.py",
                "tests/integration/loop/test_store.py::test_a_store_that_cannot_be_trusted_is_restored",
            ),
        ),
    ),
    Promise(
        "I14",
        "a Redis that has forgotten lets nobody in until it is filled from Kafka",
        (
            Kept(
                CALLING.name,
                "each life of the server has a name; in a new one all gates are set from the log first",
                "streams/once/door.py",
                f"{_CALLS_TESTS}/test_gate_lost.py::test_an_empty_gate_is_filled_before_the_next_call",
            ),
        ),
    ),
    Promise(
        "I15",
        "nothing that was read disappears",
        (
            Kept(
                LOOP,
                "outputs, state and offsets are one transaction, on all replicas; readers see only what is committed",
                "streams/runtime/commit.py",
                "tests/integration/loop/test_broker.py::test_a_broker_that_is_killed_in_the_middle_of_a_stream",
            ),
        ),
    ),
)


def kept_at(place: str) -> list[tuple[Promise, Kept]]:
    """The promises that a step keeps, in their order."""
    return [(promise, kept) for promise in PROMISES for kept in promise.kept if kept.at == place]
