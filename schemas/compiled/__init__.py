"""Avro binary by straight-line Python that is made from a schema, quicker than fastavro's generic functions.

fastavro walks the schema for each datum, 5 us for a record of ours; a function that knows its fields by heart joins the
parts. Most of our CPU is encoding and decoding, so the hot records go this way. What the compiler does not know
(decimals, floats, unions other than of null and one type) stays with fastavro: `encoder` and `decoder` return None.
Both give and take the very same bytes and records; a test holds them against each other.

Format: Avro 1.12, "Binary encoding". Longs are zigzag varints, strings and bytes are a length and their bytes, a union
is the number of its branch and the value, arrays and maps come in counted blocks that end with an empty one.
"""

from schemas.compiled.reading import decoder, field_reader, last_time_reader
from schemas.compiled.source import Decoder, Encoder
from schemas.compiled.writing import encoder

__all__ = ["Decoder", "Encoder", "decoder", "encoder", "field_reader", "last_time_reader"]
