"""Settings from flags, environment and a running `up`."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from connectors.redis_address import Sentinels
from connectors.settings import MASK, SETTINGS, Settings, SettingsError, mask_url
from infra.cli.options import GROUPS


def test_flags_win_over_environment_over_running_up_over_default() -> None:
    """The nearest source wins, and an empty text counts as not set."""
    running = {"REDIS_URL": "redis://up:1/0", "PUBLIC_URL": "http://up:1", "RINGBACK_RESOLVE_S": "60"}
    env = {"REDIS_URL": "redis://env:2/0", "PUBLIC_URL": "http://env:2", "RINGBACK_RESOLVE_S": ""}
    found = Settings.read(env, flags={"REDIS_URL": "redis://flag:3/0"}, running=running)
    assert (found.redis_url, found.public_url, found.resolve_s) == ("redis://flag:3/0", "http://env:2", 60.0)
    assert found.group_protocol == "classic"
    sources = [found.sources[n] for n in ("REDIS_URL", "PUBLIC_URL", "RINGBACK_RESOLVE_S", "RINGBACK_MEMBER")]
    assert sources == ["flag", "environment", "running up", "default"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", "broker"),
        ("KAFKA_BOOTSTRAP_SERVERS", "broker:9092,other:notaport"),
        ("KAFKA_BOOTSTRAP_SERVERS", "broker:70000"),
        ("KAFKA_SECURITY_PROTOCOL", "tls"),
        ("KAFKA_SASL_PASWORD", "secret"),
        ("REDIS_URL", "http://host"),
        ("REDIS_URL", "redis://host:notaport"),
        ("REDIS_URL", "redis://host:6379,host2:6379/0"),
        ("REDIS_URL", "redis+sentinel://host:26379,host2:26379"),
        ("REDIS_URL", "redis+sentinel://host:26379,:1/main"),
        ("REDIS_URL", "redis+sentinel://host/main/zero"),
        ("REDIS_URL", "redis+sentinel://host/main?sentinel_pasword=x"),
        ("REDIS_REPLICAS", "-1"),
        ("REDIS_REPLICAS", "some"),
        ("TWILIO_ACCOUNT_SID", "AC123"),
        ("PUBLIC_URL", "example.com"),
        ("RINGBACK_RESOLVE_S", "0"),
        ("RINGBACK_RESOLVE_S", "soon"),
        ("RINGBACK_MEMBER", "a/b"),
        ("RINGBACK_GROUP_PROTOCOL", "eager"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    """Whatever is wrong, the error says which variable to look at."""
    with pytest.raises(SettingsError) as caught:
        Settings.read({name: value})
    assert caught.value.names == [name]
    assert name in str(caught.value)


def test_all_wrong_settings_are_named_at_once() -> None:
    """Nobody has to find the second mistake by correcting the first."""
    with pytest.raises(SettingsError) as caught:
        Settings.read({"REDIS_URL": "x", "RINGBACK_RESOLVE_S": "x", "KAFKA_SSL_CA": "x"})
    assert caught.value.names == ["REDIS_URL", "RINGBACK_RESOLVE_S", "KAFKA_SSL_CA"]


def test_security_variables_become_librdkafka_settings() -> None:
    """KAFKA_SASL_* and KAFKA_SSL_* reach every client under librdkafka's own names."""
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": "a:1",
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": "me",
        "KAFKA_SSL_CA_LOCATION": "/ca.pem",
    }
    assert Settings.read(env).kafka_config() == {
        "bootstrap.servers": "a:1",
        "security.protocol": "sasl_ssl",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "me",
        "ssl.ca.location": "/ca.pem",
    }


def test_no_secret_is_ever_shown() -> None:
    """Neither `config`, nor repr, nor a URL with a password in it gives a secret away."""
    env = {
        "REDIS_URL": "rediss://user:hunter2@host:1/0",
        "SCHEMA_REGISTRY_URL": "https://user:hunter2@registry",
        "TWILIO_AUTH_TOKEN": "hunter2",
        "KAFKA_SASL_PASSWORD": "hunter2",
        "KAFKA_SSL_KEY_PASSWORD": "hunter2",
        "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET": "hunter2",
    }
    sentinels = (
        "redis+sentinel://user:hunter2@h1:1,h2:2/main/0?sentinel_password=hunter2&sentinel_username=me"
    )
    assert mask_url(sentinels) == (
        f"redis+sentinel://user:{MASK}@h1:1,h2:2/main/0?sentinel_password={MASK}&sentinel_username=me"
    )
    assert "hunter2" not in repr(Sentinels.parse(sentinels))
    assert mask_url("unix:///run/redis.sock?password=hunter2").endswith(f"?password={MASK}")
    settings = Settings.read(env)
    shown = str(settings.shown())
    assert "hunter2" not in shown
    assert shown.count(MASK) == len(env)
    assert "TWILIO_AUTH_TOKEN" not in repr(settings)
    assert "hunter2@" in repr(settings) or "hunter2" not in repr(settings).replace(
        settings.redis_url or "", ""
    )


def test_sentinels_are_read_from_one_url() -> None:
    """Hosts with and without a port, the name, the database, both passwords, and TLS."""
    found = Sentinels.parse(
        "rediss+sentinel://me:p%40ss@h1:1,h2,[::1]:3/main/2?sentinel_username=s&sentinel_password=q&ssl_ca_certs=/ca"
    )
    assert found.hosts == (("h1", 1), ("h2", 26379), ("::1", 3))
    assert (found.name, found.db, found.username, found.password) == ("main", 2, "me", "p@ss")
    assert (found.sentinel_username, found.sentinel_password) == ("s", "q")
    assert (found.tls, found.tls_options) == (True, (("ssl_ca_certs", "/ca"),))
    plain = Sentinels.parse("redis+sentinel://h1/main")
    assert (plain.db, plain.username, plain.password, plain.tls) == (0, None, None, False)


def test_an_environment_made_of_settings_gives_the_same_settings() -> None:
    """A child process that is handed `environment()` has what its parent has."""
    env = {"KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2", "KAFKA_SASL_USERNAME": "me", "RINGBACK_RESOLVE_S": "7.5"}
    settings = Settings.read(env)
    assert Settings.read(settings.environment()) == settings


def test_a_missing_setting_is_named_with_its_meaning() -> None:
    """`require` names the variable, not the field."""
    with pytest.raises(SettingsError, match="KAFKA_BOOTSTRAP_SERVERS: not set"):
        Settings().kafka_config()


def test_the_member_id_is_kept_in_the_state_folder(tmp_path: Path) -> None:
    """The same folder is the same member after a restart; another folder is another member."""
    first = Settings(state_dir=str(tmp_path / "a")).member_id()
    assert Settings(state_dir=str(tmp_path / "a")).member_id() == first
    assert Settings(state_dir=str(tmp_path / "b")).member_id() != first
    assert Settings(state_dir=str(tmp_path / "a"), member="mine").member_id() == "mine"
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["member"]
    assert stat.S_ISREG((tmp_path / "a" / "member").stat().st_mode)


def test_every_setting_is_a_flag_of_some_command() -> None:
    """No setting can only be given by environment, and no two have the same flag."""
    assert {env for group in GROUPS.values() for env in group} == {s.env for s in SETTINGS}
    assert len({s.flag for s in SETTINGS}) == len(SETTINGS)
