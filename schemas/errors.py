"""What can go wrong between bytes and records, drawn so that the class says what to do.

    CodecError
    ├── UndecodableRecord     the bytes will never be a record of ours      → dead letter, go on
    ├── UnknownSchema         well-formed, by a schema we do not know (yet) → hold the partition and alarm;
    │                         never a dead letter: a newer release can read it
    ├── RegistryUnreachable   the schema may exist, the registry did not say → hold and retry
    ├── SchemaRefused         the registry will not take our schema          → do not start
    └── UnencodableRecord     our own record does not fit its schema         → our bug: stop, alarm

The names carry no "Error" because they are read in reasons and logs as what they are.
"""


class CodecError(Exception):
    """Anything below; `str()` of it is fit for a dead letter's `detail` (no phone numbers, no texts)."""


class UndecodableRecord(CodecError):
    """Truncated, garbage, of the wrong shape, another record than expected, or with bytes left over."""


class UnknownSchema(CodecError):
    """A fingerprint or registry id that is not known here: a writer is ahead of this reader."""


class RegistryUnreachable(CodecError):
    """The registry did not answer, or answered nonsense; the same call may go through later."""


class SchemaRefused(CodecError):
    """The registry answered that our schema is not compatible with what it holds, or is not there."""


class UnencodableRecord(CodecError):
    """A record of ours lacks a field, or holds a value that its schema has no room for."""
