"""What our safety costs on top of fastavro: the codec is on the hot path of every stage."""

from collections.abc import Callable
from io import BytesIO
from time import perf_counter

import fastavro

from schemas import avro, catalog, codec
from tests.unit.schemas.test_codec import DUE

ROUNDS, CALLS = 60, 400
# The aim is 1.10; the rest is for the noise of a shared machine, after taking the best of many short rounds.
BOUND = 1.25


def best(functions: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds of the best round of each, taken in turn so that a slow minute hits all alike."""
    least = dict.fromkeys(functions, float("inf"))
    for _ in range(ROUNDS):
        for name, function in functions.items():
            start = perf_counter()
            for _ in range(CALLS):
                function()
            least[name] = min(least[name], perf_counter() - start)
    return least


def test_the_codec_costs_little_more_than_fastavro() -> None:
    """Header, fingerprint, error handling and the check for bytes left over are small beside the Avro itself."""
    schema = avro.prepare(catalog.current()["ReminderDue"].schema)
    encode, decode = codec.encoder("ReminderDue"), codec.decoder("ReminderDue")
    data = encode(DUE)
    body = data[codec.HEADER_LENGTH :]

    def bare_write() -> bytes:
        out = BytesIO()
        fastavro.schemaless_writer(out, schema, DUE)
        return out.getvalue()

    taken = best(
        {
            "bare write": bare_write,
            "encode": lambda: encode(DUE),
            "bare read": lambda: fastavro.schemaless_reader(BytesIO(body), schema, None),
            "decode": lambda: decode(data),
        }
    )
    assert taken["encode"] < BOUND * taken["bare write"], taken
    assert taken["decode"] < BOUND * taken["bare read"], taken
