"""How clients of Kafka authenticate: librdkafka's own settings, under names of environment variables."""

from __future__ import annotations


def security_variable(librdkafka_name: str) -> str:
    """sasl.username is KAFKA_SASL_USERNAME."""
    return "KAFKA_" + librdkafka_name.upper().replace(".", "_")


# KAFKA_SASL_USERNAME is librdkafka's sasl.username: the rest of the name, dots for underscores. Listed, so
# that a misspelt variable is an error here instead of a connection that fails without saying why.
KAFKA_SECURITY = {
    security_variable(name): name
    for name in (
        *("sasl.mechanism", "sasl.username", "sasl.password"),
        *("sasl.kerberos.service.name", "sasl.kerberos.principal", "sasl.kerberos.keytab"),
        *("sasl.oauthbearer.method", "sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret"),
        *("sasl.oauthbearer.token.endpoint.url", "sasl.oauthbearer.scope", "sasl.oauthbearer.extensions"),
        *("ssl.ca.location", "ssl.ca.pem", "ssl.certificate.location", "ssl.certificate.pem"),
        *("ssl.key.location", "ssl.key.pem", "ssl.key.password"),
        *("ssl.keystore.location", "ssl.keystore.password"),
        *("ssl.endpoint.identification.algorithm", "ssl.cipher.suites"),
    )
}
_SECRET_WORDS = ("PASSWORD", "SECRET", "KEY_PEM", "TOKEN")


def is_secret(env: str) -> bool:
    return any(word in env and "ENDPOINT" not in env for word in _SECRET_WORDS)
