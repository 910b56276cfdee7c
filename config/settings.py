"""All settings of a process, read once (interfaces.md, Environment)."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from config.bounds import Bounds
from config.connections import check_hook, parse_address, parse_mail_server
from config.errors import ConfigError, ModeRefused, SettingMissing
from config.files import (
    SECRET_PREFIX,
    from_files,
    read_env_file,
    secrets_of,
    tell_unknown,
    variable_of,
)
from config.mistakes import text_of
from config.names import (
    MECHANISMS,
    PROTOCOLS,
    check_cache_url,
    check_prefix,
    check_topics,
    one_of,
)
from config.routes import parse_routes

NEEDED_BY = {"email": "smtp_url", "slack": "notify_slack_url", "teams": "notify_teams_url"}
"""The setting without which a channel of notices leads nowhere."""
URLS: Mapping[str, Callable[[str], object]] = {
    "redis_url": check_cache_url,
    "smtp_url": parse_mail_server,
    "notify_slack_url": check_hook,
    "notify_teams_url": check_hook,
}
"""What refuses each URL that cannot be one."""
EMBEDDED_HINT = (
    "set it, or run `sluicegate dev` for an embedded broker, database and cache on this machine"
)
ENV_FILE, TOML_FILE = ".env", "sluicegate.toml"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_CONNINFO_PASSWORD = re.compile(r"(password=)('(?:[^'\\]|\\.)*'|[^&\s]+)", re.IGNORECASE)
Texts = Annotated[tuple[str, ...], NoDecode]


def _named(name: str) -> Any:
    """Return the aliases of a field: its variable and its own name."""
    return AliasChoices(name, name.lower())


class Settings(Bounds, BaseSettings):
    """One process's settings: flags, then environment, then `.env`, then the TOML file."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        toml_file=TOML_FILE,
        env_prefix="SLUICEGATE_",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    kafka_bootstrap_servers: str | None = Field(
        None, validation_alias=_named("KAFKA_BOOTSTRAP_SERVERS")
    )
    kafka_security_protocol: str = Field(
        "PLAINTEXT", validation_alias=_named("KAFKA_SECURITY_PROTOCOL")
    )
    kafka_sasl_mechanism: str | None = Field(None, validation_alias=_named("KAFKA_SASL_MECHANISM"))
    kafka_sasl_username: str | None = Field(None, validation_alias=_named("KAFKA_SASL_USERNAME"))
    kafka_sasl_password: SecretStr | None = Field(
        None, validation_alias=_named("KAFKA_SASL_PASSWORD")
    )
    kafka_ssl_ca_location: Path | None = Field(
        None, validation_alias=_named("KAFKA_SSL_CA_LOCATION")
    )
    database_url: SecretStr | None = Field(None, validation_alias=_named("DATABASE_URL"))
    redis_url: SecretStr | None = Field(None, validation_alias=_named("REDIS_URL"))
    host: str = Field("127.0.0.1", validation_alias=_named("HOST"))
    port: int = Field(8080, validation_alias=_named("PORT"), ge=0, le=65535)
    log_level: str = Field("INFO", validation_alias=_named("LOG_LEVEL"))
    log_format: Literal["json", "console", "auto"] = Field(
        "auto", validation_alias=_named("LOG_FORMAT")
    )

    event_topics: Texts = ("events",)
    group_id: str = "sluicegate-worker"
    topic_prefix: str = "sluicegate."
    definitions: Path = Path("workflows")
    event_type_field: Texts = ("type", "event_type")
    auth: str | None = None
    decision_auth: str | None = None
    webhook_allow: Texts = ()
    allow_private: bool = False
    smtp_url: SecretStr | None = None
    smtp_from: str | None = None
    notify_slack_url: SecretStr | None = None
    notify_teams_url: SecretStr | None = None
    templates: Path = Path("templates")
    notify_approvals: Texts = ()
    """Who is told of approvals beside the waiting topic: `log`, `slack:#approvals`, `email`, ..."""
    public_url: str | None = None
    """Where people reach the inbox, for the links of notices; its host may be asked for."""
    trace_url: str | None = None
    """Where a trace is seen: an address with `{trace_id}` in it."""
    session_timeout: float = Field(10.0, gt=0, le=90)
    fetch_wait_ms: int = Field(500, ge=1, le=60_000)
    batch_size: int = Field(200, ge=1, le=1_000)
    api_rate: int = Field(0, ge=0)
    """Requests that one address may send to the HTTP interface in a second; 0: any number. 50 is
    ample for programs; addresses of proxies stand for many."""
    pool_size: int = Field(8, ge=2, le=100)
    on_gap: Literal["halt", "accept"] = "halt"
    early_decision_seconds: float = Field(86_400.0, gt=0)
    tombstone_seconds: float = Field(86_400.0, gt=0)
    timer_seconds: float = Field(0.2, gt=0, le=300)
    """How often expiries, waits and retries that are due are looked for."""
    retention_days: float = Field(365.0, ge=0)
    """How long what has ended is kept, by calendar months; 0: for ever."""
    event_id_days: float = Field(7.0, ge=1)
    """How long an event that comes again is known; at least as long as its topic keeps it."""
    housekeeping_seconds: float = Field(3_600.0, gt=0)
    """How often one worker makes months ahead and drops old ones."""
    worker_ready_file: Path | None = None
    """Touched once the worker's loops run (`sluicegate dev` waits for it)."""
    worker_parent: int | None = Field(None, ge=1)
    """The process whose death a worker does not outlive (that of `sluicegate dev`)."""
    failpoint: str | None = Field(None, validation_alias=_named("FAILPOINT"))
    """Faults for tests: name:probability:act[:seconds], a comma list (streams/failpoints.py)."""
    secrets: Mapping[str, SecretStr] = Field(default_factory=dict)

    @field_validator(
        "event_topics", "event_type_field", "webhook_allow", "notify_approvals", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in LEVELS:
            raise ValueError(f"choose one of {', '.join(LEVELS)}")
        return value.upper()

    @field_validator("kafka_security_protocol")
    @classmethod
    def _known_protocol(cls, value: str) -> str:
        return one_of(value, PROTOCOLS)

    @field_validator("kafka_sasl_mechanism")
    @classmethod
    def _known_mechanism(cls, value: str | None) -> str | None:
        return one_of(value, MECHANISMS) if value else None

    @field_validator("event_topics")
    @classmethod
    def _topics(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        check_topics(value)
        return value

    @field_validator("topic_prefix")
    @classmethod
    def _prefix(cls, value: str) -> str:
        check_prefix(value)
        return value

    @field_validator(*URLS)
    @classmethod
    def _usable(cls, value: SecretStr | None, field: ValidationInfo) -> SecretStr | None:
        if value is not None and field.field_name is not None:
            URLS[field.field_name](value.get_secret_value())
        return value

    @field_validator("notify_approvals")
    @classmethod
    def _known_routes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        parse_routes(value)
        return value

    @field_validator("smtp_from")
    @classmethod
    def _one_address(cls, value: str | None) -> str | None:
        if value is not None:
            parse_address(value)
        return value

    @model_validator(mode="after")
    def _mail_has_sender(self) -> Self:
        if self.smtp_url is not None and self.smtp_from is None:
            raise ValueError("SLUICEGATE_SMTP_URL needs SLUICEGATE_SMTP_FROM")
        return self

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> Self:
        for route in parse_routes(self.notify_approvals):
            needed = NEEDED_BY.get(route.channel)
            if needed is not None and getattr(self, needed) is None:
                variable = f"SLUICEGATE_{needed.upper()}"
                raise ValueError(f"SLUICEGATE_NOTIFY_APPROVALS: {route.channel} needs {variable}")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the TOML file behind the environment."""
        del file_secret_settings
        toml = TomlConfigSettingsSource(settings_cls)
        return init_settings, env_settings, dotenv_settings, toml

    @property
    def kafka(self) -> str:
        """The broker's address; call `require_kafka_and_database` first."""
        return self.kafka_bootstrap_servers or ""

    @property
    def database(self) -> str:
        """The database's URL; call `require_kafka_and_database` first."""
        return self.database_url.get_secret_value() if self.database_url else ""

    @property
    def redis(self) -> str | None:
        """The cache's URL, None where there is none."""
        return self.redis_url.get_secret_value() if self.redis_url else None

    def hidden(self) -> list[str]:
        """Return the values that must never stand in a log."""
        known = (self.smtp_url, self.notify_slack_url, self.notify_teams_url)
        values = [secret.get_secret_value() for secret in known if secret is not None]
        if self.smtp_url is not None:
            values.append(parse_mail_server(self.smtp_url.get_secret_value()).password)
        return [*values, *(secret.get_secret_value() for secret in self.secrets.values())]

    def kafka_security(self) -> dict[str, str]:
        """Return librdkafka's security properties; raises ConfigError where one is missing."""
        found = {
            "security.protocol": self.kafka_security_protocol,
            "sasl.mechanism": self.kafka_sasl_mechanism,
            "sasl.username": self.kafka_sasl_username,
            "sasl.password": self.kafka_sasl_password
            and self.kafka_sasl_password.get_secret_value(),
            "ssl.ca.location": self.kafka_ssl_ca_location and str(self.kafka_ssl_ca_location),
        }
        if self.kafka_security_protocol == "PLAINTEXT":
            return {}
        self._require_whole_security()
        return {name: value for name, value in found.items() if value}

    def _require_whole_security(self) -> None:
        protocol, authority = self.kafka_security_protocol, self.kafka_ssl_ca_location
        if protocol.startswith("SASL"):
            for name in ("MECHANISM", "USERNAME", "PASSWORD"):
                if not getattr(self, f"kafka_sasl_{name.lower()}"):
                    hint = f"KAFKA_SECURITY_PROTOCOL={protocol} needs it"
                    raise SettingMissing(f"KAFKA_SASL_{name}", hint)
        if authority is not None and not authority.exists():
            raise ConfigError(
                f"KAFKA_SSL_CA_LOCATION: {authority} does not exist; name the PEM file of the "
                "authority that signed the broker's certificate"
            )


def load_settings(**flags: Any) -> Settings:
    """Return the settings of this process; raises ConfigError naming each wrong variable."""
    written = read_env_file(Path(ENV_FILE))
    tell_unknown(Settings.model_fields, {**written, **os.environ}, Path(TOML_FILE))
    beside = {n: v for n, v in from_files(written).items() if n not in os.environ}
    in_files = {**beside, **from_files(os.environ)}
    secrets = secrets_of({**written, **os.environ, **in_files})
    plain = {
        name.removeprefix("SLUICEGATE_").lower(): value
        for name, value in in_files.items()
        if not name.startswith(SECRET_PREFIX)
    }
    wanted = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**{**plain, "secrets": secrets, **wanted})
    except ValidationError as problem:
        lines = [f"{_variable(error['loc'])}{text_of(error)}" for error in problem.errors()]
        raise ConfigError("; ".join(lines)) from None


def _variable(location: tuple[int | str, ...]) -> str:
    """Return the variable that a mistake is about, with a colon; what is about several says so."""
    return f"{variable_of(str(location[0]))}: " if location else ""


def require_kafka_and_database(settings: Settings) -> None:
    """Raise SettingMissing unless broker and database are named."""
    if not settings.kafka_bootstrap_servers:
        raise SettingMissing("KAFKA_BOOTSTRAP_SERVERS", EMBEDDED_HINT)
    if not settings.database:
        raise SettingMissing("DATABASE_URL", EMBEDDED_HINT)


def require_modes(settings: Settings) -> None:
    """Raise unless both authentication modes are set to what is available."""
    _require_mode("SLUICEGATE_AUTH", settings.auth, ("none",), ("token", "oidc", "proxy"))
    _require_mode("SLUICEGATE_DECISION_AUTH", settings.decision_auth, ("acl",), ("signed",))


def _require_mode(
    name: str, value: str | None, available: tuple[str, ...], planned: tuple[str, ...]
) -> None:
    choices = " or ".join(available)
    if value is None:
        raise SettingMissing(name, f"choose {choices}; keep the address private with it")
    if value in planned:
        raise ModeRefused(f"{name}={value} is not available in this version; use {choices}")
    if value not in available:
        raise ModeRefused(f"{name}={value} is unknown; use {choices}")


def masked(url: str) -> str:
    """Return a connection URL or a conninfo text without its password."""
    url = _CONNINFO_PASSWORD.sub(r"\1***", url)
    scheme, slashes, rest = url.partition("://")
    login, at, host = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}{slashes}{user}:***@{host}" if slashes and at and colon else url
