"""What a phone number is: the country and the type that the numbering plans give it.

From `phonenumbers`, the port of Google's libphonenumber that is released with it every few weeks. A look-up takes some
100 us, so that callers keep what it says; the plans change a few times a year.
"""

from __future__ import annotations

from typing import NamedTuple

UNKNOWN = "unknown"
NOWHERE = "ZZ"  # CLDR's code of an unknown region; +800 and the like, which belong to no country, are "001"


class NumberKind(NamedTuple):
    """`country`: ISO 3166-1 alpha-2. `type`: as libphonenumber calls it, in small letters."""

    country: str
    type: str

    def __str__(self) -> str:
        return f"{self.country} {self.type}"

    @classmethod
    def parse(cls, text: str) -> NumberKind:
        """The inverse of `str`."""
        country, _, type_ = text.partition(" ")
        return cls(country, type_)


def kind_of(number: str) -> NumberKind:
    """The kind of an E.164 number.

    A number that no plan has is of the country that its code belongs to first (+1: US) and of the type `unknown`:
    new ranges are in use before the plans in this process know them, and who calls nobody of a type unknown is safe.
    """
    import phonenumbers  # a tenth of a second, which stages that ask for no number need not wait

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return NumberKind(NOWHERE, UNKNOWN)
    country = phonenumbers.region_code_for_number(parsed)
    if country is None:
        country = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    type_ = phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(parsed))
    return NumberKind(country, type_.lower())
