"""How Faust connects: our Kafka settings, which are librdkafka's, in the words of aiokafka."""

from __future__ import annotations

import ssl
from typing import Any

from faust.auth import SASLCredentials, SSLCredentials

from connectors.settings import Settings, SettingsError, security_variable

_UNDERSTOOD = {
    *("sasl.mechanism", "sasl.username", "sasl.password"),
    *("ssl.ca.location", "ssl.ca.pem", "ssl.certificate.location", "ssl.key.location", "ssl.key.password"),
    "ssl.endpoint.identification.algorithm",
}
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def credentials(settings: Settings) -> dict[str, Any]:
    """Faust's settings for the connection. Raises SettingsError for what its client cannot do."""
    given = settings.kafka_security
    problems = [
        (security_variable(name), "the read models' client (aiokafka) has no such setting")
        for name in sorted(given.keys() - _UNDERSTOOD)
    ]
    protocol = settings.kafka_security_protocol
    mechanism = given.get("sasl.mechanism", "PLAIN").upper()
    if protocol.startswith("sasl") and mechanism not in _MECHANISMS:
        problems.append((security_variable("sasl.mechanism"), f"one of {', '.join(_MECHANISMS)} here"))
    if problems:
        raise SettingsError(*problems)
    if protocol == "plaintext":
        return {}
    context = _context(given) if protocol.endswith("ssl") else None
    if protocol == "ssl":
        return {"broker_credentials": SSLCredentials(context)}
    user, password = given.get("sasl.username"), given.get("sasl.password")
    found = SASLCredentials(username=user, password=password, ssl_context=context, mechanism=mechanism)
    return {"broker_credentials": found}


def _context(given: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(
        cafile=given.get("ssl.ca.location"), cadata=given.get("ssl.ca.pem") or None
    )
    if given.get("ssl.endpoint.identification.algorithm", "https").lower() in ("none", ""):
        context.check_hostname = False
    if certificate := given.get("ssl.certificate.location"):
        context.load_cert_chain(certificate, given.get("ssl.key.location"), given.get("ssl.key.password"))
    return context
