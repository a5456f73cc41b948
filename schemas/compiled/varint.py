"""Longs as Avro writes them: zigzag varints, quick for times in milliseconds.

Avro 1.12, "Binary encoding": seven bits a byte, the lowest first, the high bit set on all but the last.
"""

from __future__ import annotations

INT_MAX, LONG_MAX = 2**31, 2**63


def write_long(value: int, limit: int = LONG_MAX) -> bytes:
    """A zigzag varint. Raises TypeError, OverflowError."""
    if not -limit <= value < limit:
        raise OverflowError(f"{value} does not fit")
    rest = value << 1 if value >= 0 else (-value << 1) - 1
    if 2**35 <= rest < 2**42:  # a time in milliseconds, from 1970-01-07 to 2039: unrolled
        six = bytes(
            (
                rest & 127 | 128,
                rest >> 7 & 127 | 128,
                rest >> 14 & 127 | 128,
                rest >> 21 & 127 | 128,
                rest >> 28 & 127 | 128,
                rest >> 35,
            )
        )
        _remember(value, six)
        return six
    written = bytearray()
    while rest > 127:
        written.append(rest & 127 | 128)
        rest >>= 7
    written.append(rest)
    return bytes(written)


# A varint of six bytes, read as a number: a time in milliseconds, as above.
SIX_HIGH, SIX_VARINT = 0x8080_8080_8080, 0x0080_8080_8080


def from_six(six: int) -> int:
    """The number of such a varint: where `six & SIX_HIGH == SIX_VARINT`."""
    rest = (
        six & 0x7F
        | six >> 1 & 0x3F80
        | six >> 2 & 0x1F_C000
        | six >> 3 & 0xFE0_0000
        | six >> 4 & 0x7_F000_0000
        | six >> 5 & 0x3F8_0000_0000
    )
    return (rest >> 1) ^ -(rest & 1)


def read_long(data: bytes, at: int, limit: int = LONG_MAX) -> tuple[int, int]:
    """The number at `at`, and where it ends. Raises IndexError at the end of the data, ValueError."""
    six = int.from_bytes(data[at : at + 6], "little")
    if six & SIX_HIGH == SIX_VARINT and limit == LONG_MAX and at + 6 <= len(data):
        value = from_six(six)
        _remember(value, data[at : at + 6])
        return value, at + 6
    byte = data[at]
    rest, shift = byte & 127, 7
    at += 1
    while byte > 127:
        if shift > 63:
            raise ValueError("a number of more than ten bytes")
        byte = data[at]
        rest |= (byte & 127) << shift
        shift += 7
        at += 1
    value = (rest >> 1) ^ -(rest & 1)
    if not -limit <= value < limit:
        raise ValueError("a number out of range")
    return value, at


# Times that were written or read lately: an instant stands in one record three times over, and in the next records
# too. Each is looked up in a tenth of the time it takes to compute.
WRITTEN: dict[int, bytes] = {}
READ: dict[bytes, int] = {}
MOST_TIMES = 20_000


def _remember(value: int, six: bytes) -> None:
    if len(WRITTEN) >= MOST_TIMES or len(READ) >= MOST_TIMES:
        WRITTEN.clear()
        WRITTEN.update(SMALL)
        READ.clear()
    WRITTEN[value] = six
    READ[six] = value


# Lengths and counts, ready made. What is not here is written by `write_long`.
SMALL = {number: write_long(number) for number in range(2_048)}
WRITTEN.update(SMALL)
