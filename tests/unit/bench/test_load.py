"""What the works enqueue: deterministic, and understood by the production code as it is meant."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from infra.bench.timers.load import (
    PAYLOAD_BYTES,
    Load,
    batches,
    parse_payload,
    parse_subject,
    payload,
    scattered,
    spread,
)
from infra.bench.timers.ringback import message_sid, request
from schemas.codec import decoder, encoder
from streams.phrases.read import read
from streams.phrases.resolve import resolve
from streams.phrases.when import When

NOW_MS = 1_700_000_000_123


def test_the_same_seed_gives_the_same_load_and_another_seed_another() -> None:
    """A run can be repeated; nothing but the seed decides."""
    one, again = (scattered("a", 1000, NOW_MS, 60_000, seed=3) for _ in range(2))
    assert one == again
    assert one.due_at != scattered("a", 1000, NOW_MS, 60_000, seed=4).due_at
    assert all(NOW_MS <= due_at < NOW_MS + 60_000 for due_at in one.due_at)


def test_a_spread_load_has_its_rate_in_every_second() -> None:
    """5,000 a second means 5,000 in each second, in due order."""
    load = spread("a", 20_000, NOW_MS, 4_000)
    assert list(load.due_at) == sorted(load.due_at)
    for second in range(4):
        within = [d for d in load.due_at if second * 1000 <= d - NOW_MS < (second + 1) * 1000]
        assert len(within) == 5_000


def test_a_user_has_one_tenant_and_tenants_share_alike() -> None:
    """1,000 tenants with as many timers each, and a user key that names the tenant of the user."""
    load = spread("a", 100_000, NOW_MS, 1)
    counts: dict[int, int] = {}
    for timer in range(len(load)):
        counts[load.tenant(timer)] = counts.get(load.tenant(timer), 0) + 1
    assert set(counts.values()) == {100}
    assert len(counts) == 1_000
    assert load.user_name(7) == load.user_name(7 + load.users) == "t007|+12120000007"


@given(st.integers(NOW_MS - 5_000, NOW_MS + 10_000_000), st.integers(0, 10**6))
def test_a_request_means_its_due_instant_to_the_production_code(due_at: int, timer_base: int) -> None:
    """Encoded, decoded and resolved, a request is due to the millisecond when the load says, and was not received
    in the future."""
    load = Load("w1", array("q", [due_at]), first_user=timer_base)
    record = decoder("Request")(encoder("Request")(request(load, 0, NOW_MS)))
    found = resolve(When.from_record(record["when"]), record["received_at"], "UTC")
    assert found.due_at == due_at
    assert record["received_at"] <= max(NOW_MS, due_at - 1_000)
    assert parse_subject(record["subject"]) == ("w1", 0)


def test_the_phrase_reader_would_have_written_the_same_request() -> None:
    """The text of a request, read by the production reader, gives the command and the duration it carries."""
    load = spread("w1", 3, NOW_MS + 60_000, 3_000)
    record = request(load, 2, NOW_MS)
    command = read(record["text"])
    assert command.name == record["command"]
    assert command.when is not None
    assert command.when.to_record() == record["when"]


def test_message_sids_are_unique_and_as_long_as_the_carriers() -> None:
    """Two commands about one timer, and equal timers of two loads, are different SMS."""
    one, other = spread("w1", 2, NOW_MS, 1), spread("w11", 2, NOW_MS, 1)
    sids = [
        message_sid(load, t, command) for load in (one, other) for t in (0, 1) for command in ("", "C", "Z")
    ]
    assert len(set(sids)) == len(sids)
    assert {len(sid) for sid in sids} == {34}


def test_the_peers_record_carries_the_same_timer() -> None:
    """The peers' payload says which timer it was and when it was due."""
    load = spread("w3", 5, NOW_MS, 5)
    value = payload(load, 4)
    assert len(value) == PAYLOAD_BYTES
    assert parse_payload(value) == ("w3", 4, NOW_MS + 4)


def test_batches_lose_nothing() -> None:
    """Every item once, in order, also when the last batch is short."""
    assert list(batches(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batches([], 3)) == []
