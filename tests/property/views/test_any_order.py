"""The figures are a function of the set of records, whatever becomes of them on the way."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.views.asking import Answers, shown
from schemas import codec
from tests.unit.views.feeding import NOW_MS, batch, logs_of, tables_in
from tests.unit.views.oracle import fold
from tests.unit.views.reading import figures
from tests.unit.views.traffic import Written, traffic

SEEDS = range(6)


def ask(answers: Answers, path: str) -> object:
    """As over HTTP, without it."""
    from urllib.parse import parse_qsl, unquote, urlsplit

    parts = urlsplit(path)
    given, names = dict(parse_qsl(parts.query)), [unquote(p) for p in parts.path.split("/")]
    found: dict[str, Callable[[], object]] = {
        "reminders": lambda: answers.reminders(names[3], names[5], given),
        "counts": lambda: answers.counts(names[3], given),
        "charges": lambda: answers.charges(names[3], given),
        "tenants": answers.tenants,
        "dead-letters": lambda: answers.dead_letters(given),
        "status": lambda: {"skipped": answers.skipped()},
    }
    return shown(found[names[-1]]())


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_any_copies_any_crash(seed: int, tmp_path: Path) -> None:
    """Logs are shuffled, records produced twice, batches of any size and read twice, with crashes between: the answers
    are those of a fold that shares no code with us, and the same to the letter as without all that."""
    print(f"replay with seed {seed}")
    rng = random.Random(seed)
    written = traffic(seed, 25, NOW_MS)
    users = sorted({w.key for w in written if w.topic != "dead.letters"})
    expected = fold((w.topic, codec.encode(_name(w), w.record)) for w in written)
    calm = _answers(tmp_path / "calm", written, random.Random(0), hardship=False)
    assert figures(lambda path: ask(calm, path), users, NOW_MS) == expected

    copies = [rng.choice(written) for _ in range(len(written) // 3)]
    shuffled = [*written, *copies]
    rng.shuffle(shuffled)
    rough = _answers(tmp_path / "rough", shuffled, rng, hardship=True)
    assert figures(lambda path: ask(rough, path), users, NOW_MS) == expected
    for user in users:
        tenant, _, phone = user.partition("|")
        path = f"/v1/tenants/{tenant}/users/{phone}/reminders?limit=200"
        assert json.dumps(ask(rough, path)) == json.dumps(ask(calm, path))


def _name(written: Written) -> str:
    from tests.unit.views.traffic import NAMES

    return NAMES[written.topic]


def _answers(folder: Path, written: list[Written], rng: random.Random, *, hardship: bool) -> Answers:
    """Tables that have read all of it, one way or another."""
    logs = logs_of(written)
    tables = tables_in(folder)
    while unread := [place for place, log in logs.items() if tables.next(place) < len(log)]:
        place = rng.choice(unread)
        start = tables.next(place)
        if hardship and rng.random() < 0.3:
            start = rng.randrange(start + 1)  # read again
        end = min(len(logs[place]), start + rng.randrange(1, 20))
        tables.apply(batch(place, logs[place][start:end]))
        chance = rng.random() if hardship else 1.0
        if chance < 0.2:
            tables.commit(NOW_MS)
        elif chance < 0.3:
            tables.close()  # killed
            tables = tables_in(folder)
    return Answers(tables, lambda _topic, value, _at: codec.decode(value).record, lambda: NOW_MS)
