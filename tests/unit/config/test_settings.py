"""Settings: where they come from, and what is refused (interfaces.md, Environment)."""

import os
from pathlib import Path

import pytest

from config.errors import ConfigError, ModeRefused, SettingMissing
from config.settings import (
    load_settings,
    masked,
    require_kafka_and_database,
    require_modes,
)
from streams.admin import Admin


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Run in an empty folder, with none of our variables set."""
    for name in list(os.environ):
        if name.startswith(("SLUICEGATE_", "KAFKA_", "DATABASE_", "REDIS_", "LOG_")):
            monkeypatch.delenv(name)
    for name in ("HOST", "PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_defaults_are_those_of_the_interface() -> None:
    found = load_settings()
    assert found.kafka_bootstrap_servers is None
    assert (found.host, found.port) == ("127.0.0.1", 8080)
    assert (found.log_level, found.log_format) == ("INFO", "auto")
    assert found.event_topics == ("events",)
    assert found.group_id == "sluicegate-worker"
    assert found.topic_prefix == "sluicegate."
    assert found.definitions == Path("workflows")
    assert found.event_type_field == ("type", "event_type")
    assert found.webhook_allow == ()
    assert (found.auth, found.decision_auth) == (None, None)
    assert not found.allow_private


def test_every_variable_of_the_interface_is_read(
    monkeypatch: pytest.MonkeyPatch, bare: Path
) -> None:
    authority = bare / "ca.pem"
    authority.touch()
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": "a:9092,b:9092",
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": "worker",
        "KAFKA_SASL_PASSWORD": "k-pass",
        "KAFKA_SSL_CA_LOCATION": str(authority),
        "DATABASE_URL": "postgresql://u:p@db/x",
        "REDIS_URL": "redis://r:6379/0",
        "HOST": "0.0.0.0",
        "PORT": "80",
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "json",
        "SLUICEGATE_EVENT_TOPICS": "orders, refunds,~shop\\..*",
        "SLUICEGATE_GROUP_ID": "g",
        "SLUICEGATE_TOPIC_PREFIX": "sg.",
        "SLUICEGATE_DEFINITIONS": "/flows",
        "SLUICEGATE_EVENT_TYPE_FIELD": "kind",
        "SLUICEGATE_AUTH": "none",
        "SLUICEGATE_DECISION_AUTH": "acl",
        "SLUICEGATE_SECRET_ERP": "erp-secret",
        "SLUICEGATE_WEBHOOK_ALLOW": "erp.internal,10.0.0.0/8",
        "SLUICEGATE_SESSION_TIMEOUT": "45",
        "SLUICEGATE_FETCH_WAIT_MS": "100",
    }.items():
        monkeypatch.setenv(name, value)
    found = load_settings()
    assert found.kafka == "a:9092,b:9092"
    assert found.kafka_security() == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "worker",
        "sasl.password": "k-pass",
        "ssl.ca.location": str(authority),
    }
    assert (found.database, found.redis) == ("postgresql://u:p@db/x", "redis://r:6379/0")
    assert (found.host, found.port) == ("0.0.0.0", 80)
    assert (found.log_level, found.log_format) == ("DEBUG", "json")
    assert found.event_topics == ("orders", "refunds", "~shop\\..*")
    assert (found.group_id, found.topic_prefix) == ("g", "sg.")
    assert (found.definitions, found.event_type_field) == (Path("/flows"), ("kind",))
    assert (found.auth, found.decision_auth) == ("none", "acl")
    assert found.secrets["ERP"].get_secret_value() == "erp-secret"
    assert found.webhook_allow == ("erp.internal", "10.0.0.0/8")
    assert (found.session_timeout, found.fetch_wait_ms) == (45, 100)


def test_a_flag_beats_the_environment_that_beats_dotenv_that_beats_the_file(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare / "sluicegate.toml").write_text(
        'group_id = "toml"\nhost = "toml"\nlog_format = "json"\ntopic_prefix = "toml"\n'
        'event_topics = ["from", "toml"]\n'
    )
    (bare / ".env").write_text("SLUICEGATE_GROUP_ID=dotenv\nHOST=dotenv\nLOG_FORMAT=console\n")
    monkeypatch.setenv("HOST", "environment")
    monkeypatch.setenv("SLUICEGATE_GROUP_ID", "environment")
    found = load_settings(group_id="flag", port=None)
    assert found.group_id == "flag"
    assert found.host == "environment"
    assert found.log_format == "console"
    assert found.topic_prefix == "toml"
    assert found.event_topics == ("from", "toml")
    assert found.port == 8080


@pytest.mark.parametrize(
    ("variable", "read"),
    [
        ("DATABASE_URL", lambda s: s.database),
        ("REDIS_URL", lambda s: s.redis),
        ("KAFKA_SASL_PASSWORD", lambda s: s.kafka_sasl_password.get_secret_value()),
        ("SLUICEGATE_SECRET_ERP", lambda s: s.secrets["ERP"].get_secret_value()),
    ],
)
@pytest.mark.parametrize("place", ["environment", "dotenv"])
def test_a_secret_may_stand_in_a_file_that_a_variable_names(
    variable: str, read: object, place: str, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = bare / "secret"
    file.write_text("redis://from-the-file\n")
    if place == "environment":
        monkeypatch.setenv(f"{variable}_FILE", str(file))
    else:
        (bare / ".env").write_text(f"{variable}_FILE={file}\n")
    assert callable(read)
    assert read(load_settings()) == "redis://from-the-file"
    monkeypatch.setenv(variable, "redis://plain")
    assert read(load_settings()) == "redis://plain"


def test_secrets_of_dotenv_and_environment_come_together(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare / ".env").write_text("SLUICEGATE_SECRET_A=a\nSLUICEGATE_SECRET_B=b\n")
    monkeypatch.setenv("SLUICEGATE_SECRET_B", "other")
    secrets = load_settings().secrets
    assert {name: value.get_secret_value() for name, value in secrets.items()} == {
        "A": "a",
        "B": "other",
    }


def test_a_file_that_cannot_be_read_is_named_with_its_variable(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", str(bare / "nowhere"))
    with pytest.raises(ConfigError, match=r"DATABASE_URL_FILE=.*nowhere cannot be read"):
        load_settings()
    (bare / "binary").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("DATABASE_URL_FILE", str(bare / "binary"))
    with pytest.raises(ConfigError, match="UTF-8"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("PORT", "70000", "less than or equal to 65535"),
        ("PORT", "http", "valid integer"),
        ("LOG_LEVEL", "LOUD", "choose one of"),
        ("LOG_FORMAT", "xml", "'json'"),
        ("SLUICEGATE_SESSION_TIMEOUT", "0", "greater than 0"),
        ("SLUICEGATE_ON_GAP", "ignore", "'halt' or 'accept'"),
        ("REDIS_URL", "nonsense", "write redis://"),
        ("REDIS_URL", "redis://:pass@h:port/0", "write redis://"),
        ("SLUICEGATE_EVENT_TOPICS", "~[", "the pattern ~[ cannot be read"),
        ("SLUICEGATE_EVENT_TOPICS", "orders,a b", "'a b' is no topic name"),
        ("SLUICEGATE_EVENT_TOPICS", " , ", "name at least one topic"),
        ("SLUICEGATE_TOPIC_PREFIX", "a b", "cannot begin topic names"),
    ],
)
def test_a_wrong_value_names_its_variable(
    variable: str, value: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as refused:
        load_settings()
    assert str(refused.value).startswith(f"{variable}: ")
    assert problem in str(refused.value)
    assert "pass" not in str(refused.value)


def test_settings_cannot_be_changed_and_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:canary-1@db/x")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "canary-2")
    monkeypatch.setenv("SLUICEGATE_SECRET_A", "canary-3")
    found = load_settings()
    assert "canary" not in repr(found) + str(found)
    with pytest.raises(ValueError, match="frozen"):
        found.port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "KAFKA_BOOTSTRAP_SERVERS"),
        ({"database_url": "x"}, "KAFKA_BOOTSTRAP_SERVERS"),
        ({"kafka_bootstrap_servers": "x"}, "DATABASE_URL"),
        ({"kafka_bootstrap_servers": "x", "database_url": ""}, "DATABASE_URL"),
        ({"kafka_bootstrap_servers": "", "database_url": "x"}, "KAFKA_BOOTSTRAP_SERVERS"),
    ],
)
def test_a_worker_without_kafka_or_database_is_told_what_to_set(
    given: dict[str, str], missing: str
) -> None:
    with pytest.raises(SettingMissing, match="sluicegate dev") as problem:
        require_kafka_and_database(load_settings(**given))
    assert problem.value.name == missing
    assert missing in str(problem.value)


def test_a_worker_with_both_starts() -> None:
    settings = load_settings(
        kafka_bootstrap_servers="x", database_url="y", auth="none", decision_auth="acl"
    )
    require_kafka_and_database(settings)
    require_modes(settings)


@pytest.mark.parametrize(
    ("auth", "decision_auth", "named"),
    [
        (None, "acl", "SLUICEGATE_AUTH"),
        ("none", None, "SLUICEGATE_DECISION_AUTH"),
        ("token", "acl", "SLUICEGATE_AUTH=token"),
        ("oidc", "acl", "SLUICEGATE_AUTH=oidc"),
        ("proxy", "acl", "SLUICEGATE_AUTH=proxy"),
        ("none", "signed", "SLUICEGATE_DECISION_AUTH=signed"),
        ("none", "open", "SLUICEGATE_DECISION_AUTH=open"),
        ("", "acl", "SLUICEGATE_AUTH"),
    ],
)
def test_a_mode_that_is_unset_or_not_built_is_refused_with_what_is_possible(
    auth: str | None, decision_auth: str | None, named: str
) -> None:
    settings = load_settings(auth=auth, decision_auth=decision_auth)
    with pytest.raises((SettingMissing, ModeRefused), match=named) as problem:
        require_modes(settings)
    assert "none" in str(problem.value) or "acl" in str(problem.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@db:5432/x", "postgresql://u:***@db:5432/x"),
        ("postgresql://u:p@ss:w@rd@db/x", "postgresql://u:***@db/x"),
        ("redis://:p@r:6379/0", "redis://:***@r:6379/0"),
        ("postgresql://u@db/x", "postgresql://u@db/x"),
        ("postgresql://db/x?user=u&password=p&a=b", "postgresql://db/x?user=u&password=***&a=b"),
        ("host=db user=u password=p dbname=x", "host=db user=u password=*** dbname=x"),
        ("host=db password='a b\\'c' dbname=x", "host=db password=*** dbname=x"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert masked(url) == shown


SASL = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_SASL_USERNAME": "worker",
    "KAFKA_SASL_PASSWORD": "k-pass",
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "FOO"}, r"^KAFKA_SECURITY_PROTOCOL: 'FOO' is unknown; choose"),
        ({"KAFKA_SASL_MECHANISM": "MAGIC"}, r"^KAFKA_SASL_MECHANISM: 'MAGIC' is unknown; choose"),
        ({"KAFKA_SASL_MECHANISM": ""}, r"^KAFKA_SASL_MECHANISM is not set: .*=SASL_SSL needs it"),
        ({"KAFKA_SASL_PASSWORD": ""}, r"^KAFKA_SASL_PASSWORD is not set: .*=SASL_SSL needs it"),
    ],
)
def test_security_that_no_broker_can_take_is_refused_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], said: str
) -> None:
    for name, value in (SASL | changed).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=said):
        load_settings().kafka_security()


def test_security_is_read_whatever_its_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (SASL | {"KAFKA_SECURITY_PROTOCOL": "sasl_plaintext"}).items():
        monkeypatch.setenv(name, value)
    assert load_settings().kafka_security()["security.protocol"] == "SASL_PLAINTEXT"


def test_an_authority_that_is_no_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("KAFKA_SSL_CA_LOCATION", "/nope")
    with pytest.raises(ConfigError, match=r"^KAFKA_SSL_CA_LOCATION: /nope does not exist"):
        load_settings().kafka_security()


def test_an_authority_without_a_certificate_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, bare: Path
) -> None:
    (bare / "ca.pem").write_text("nothing")
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("KAFKA_SSL_CA_LOCATION", "ca.pem")
    with pytest.raises(ConfigError, match=r"^the KAFKA_\* settings do not fit: .*"):
        Admin("127.0.0.1:1", load_settings().kafka_security())


def test_a_broken_file_is_named(bare: Path) -> None:
    (bare / "sluicegate.toml").write_text('group_id = \nhost = "a"\n')
    with pytest.raises(ConfigError, match=r"^sluicegate\.toml is no TOML: .*line 1"):
        load_settings()
    (bare / "sluicegate.toml").unlink()
    (bare / ".env").write_text("HOST=a\n\nthis is = not\n")
    with pytest.raises(ConfigError, match=r"^\.env, line 3: this is no setting; write NAME=value"):
        load_settings()


def test_what_is_misspelt_is_said_and_hinders_nothing(
    monkeypatch: pytest.MonkeyPatch, bare: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SLUICEGATE_EVENT_TOPIC", "orders")
    monkeypatch.setenv("SLUICEGATE_SECRET_ANY", "x")
    (bare / ".env").write_text("SLUICEGATE_NOTHING_LIKE_IT=1\nSHOP=2\n")
    (bare / "sluicegate.toml").write_text('group_ids = "a"\nhost = "b"\n')
    assert load_settings().host == "b"
    load_settings()
    assert [record.getMessage() for record in caplog.records] == [
        "SLUICEGATE_EVENT_TOPIC is no setting of ours and changes nothing; "
        "did you mean SLUICEGATE_EVENT_TOPICS?",
        "SLUICEGATE_NOTHING_LIKE_IT is no setting of ours and changes nothing",
        "sluicegate.toml: group_ids is no setting of ours and changes nothing; "
        "did you mean group_id?",
    ]
