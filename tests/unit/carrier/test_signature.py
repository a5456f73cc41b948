"""X-Twilio-Signature, against the published example and the official validator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from connectors.carrier import compute_signature, signature_is_valid

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
PARAMS = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]
PUBLISHED = "RSOYDt4T1cUTdK1PDd93/VVr8B8="  # the example of Twilio's "Webhooks security" page


def test_the_published_example() -> None:
    """Our signature is the one that Twilio prints, whatever the order of the parameters."""
    assert compute_signature(TOKEN, URL, PARAMS) == PUBLISHED
    assert compute_signature(TOKEN, URL, reversed(PARAMS)) == PUBLISHED


@given(st.dictionaries(st.text(min_size=1), st.text()), st.text(min_size=1))
def test_the_official_validator_agrees(params: dict[str, str], token: str) -> None:
    """What we sign it accepts, and what it computes we accept."""
    try:
        ours = compute_signature(token, URL, params.items())
    except UnicodeEncodeError:  # lone surrogates cannot come out of a form
        return
    validator = RequestValidator(token)
    assert validator.validate(URL, params, ours)
    assert signature_is_valid(token, URL, params.items(), validator.compute_signature(URL, params))


@pytest.mark.parametrize(
    ("signed", "seen"),
    [
        ("https://a.example/sms", "https://a.example:443/sms"),
        ("https://a.example:443/sms", "https://a.example/sms"),
        ("http://a.example:8080/sms?x=1", "http://a.example:8080/sms?x=1"),
        ("http://a.example/sms", "http://a.example:8080/sms"),
        ("http://[::1]:8080/sms", "http://[::1]:8080/sms"),
        ("https://u:p@a.example/sms", "https://u:p@a.example:443/sms"),
    ],
)
def test_the_port_may_be_signed_or_not(signed: str, seen: str) -> None:
    """The carrier does either, so both forms of one address count."""
    assert signature_is_valid(TOKEN, seen, PARAMS, compute_signature(TOKEN, signed, PARAMS))


@pytest.mark.parametrize(
    ("url", "params", "signature"),
    [
        (URL + "&baz=3", PARAMS, PUBLISHED),
        (URL, PARAMS[:-1], PUBLISHED),
        (URL, [*PARAMS, ("Body", "x")], PUBLISHED),
        (URL, PARAMS, ""),
        (URL, PARAMS, PUBLISHED.lower()),
        (URL, PARAMS, "Grüße"),
        ("https://mycompany.com:99999/", PARAMS, PUBLISHED),
    ],
)
def test_anything_else_is_not_valid(url: str, params: list[tuple[str, str]], signature: str) -> None:
    """Another URL, a parameter less or more, another signature, one that is not ASCII, an impossible port."""
    assert not signature_is_valid(TOKEN, url, params, signature)
    assert not signature_is_valid("other", URL, PARAMS, PUBLISHED)


def test_a_repeated_parameter_is_signed_once_for_each_value() -> None:
    """As the official library does for forms that repeat a name."""
    twice = [("MediaUrl", "b"), ("MediaUrl", "a")]
    assert compute_signature(TOKEN, URL, twice) == compute_signature(TOKEN, URL, [("MediaUrl", "aMediaUrlb")])
