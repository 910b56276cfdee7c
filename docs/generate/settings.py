"""The settings of a process, from `config.settings`."""

import ast
import inspect
import itertools
from pathlib import Path
from typing import get_args

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from config.bounds import Bounds
from config.files import MAY_BE_FILES, SECRET_PREFIX
from config.settings import Settings
from docs.generate.markdown import code, table

MEANINGS = {
    "kafka_bootstrap_servers": "Brokers, a comma list.",
    "kafka_security_protocol": "As librdkafka's `security.protocol`.",
    "kafka_sasl_mechanism": "As librdkafka's `sasl.mechanism`.",
    "kafka_sasl_username": "As librdkafka's `sasl.username`.",
    "kafka_sasl_password": "As librdkafka's `sasl.password`.",
    "kafka_ssl_ca_location": "As librdkafka's `ssl.ca.location`.",
    "database_url": "PostgreSQL, as libpq's URI.",
    "redis_url": "Second-level cache, `redis://` or `rediss://`; without it there is none.",
    "host": "Address on which API and pages listen.",
    "port": "Port of API and pages.",
    "log_level": "Least serious level that is logged.",
    "log_format": "`auto`: `console` on a terminal, else `json`.",
    "event_topics": "Topics of domain events, a comma list; `~regex` is resolved at a start.",
    "group_id": "Consumer group of the workers.",
    "topic_prefix": "Begins the names of our own topics.",
    "definitions": "Folder of definitions.",
    "event_type_field": "Where a plain JSON event names its type, a comma list.",
    "auth": "Who may use the API; `none` in this version. `dev` sets it, otherwise it must be set.",
    "decision_auth": "How decisions are trusted: `acl`, by the broker's ACLs, in this version.",
    "webhook_allow": "Hosts and CIDRs beyond public addresses that actions may call, a comma list.",
    "allow_private": "Whether actions may call private addresses; for development.",
    "smtp_url": "Mail server of the channel `email`, `smtp://` (STARTTLS) or `smtps://`.",
    "smtp_from": "Sender of mails, one address; needed beside the mail server.",
    "notify_slack_url": "Incoming webhook of the channel `slack`.",
    "notify_teams_url": "Incoming webhook of the channel `teams`.",
    "templates": "Folder of the templates that notifications name.",
    "session_timeout": "Seconds after which the group gives up a silent worker.",
    "fetch_wait_ms": "Longest wait of a fetch for more records.",
    "batch_size": "Most records in one transaction.",
    "pool_size": "Database connections of a process.",
    "on_gap": "What a worker does when records were deleted before it read them.",
    "early_decision_seconds": "How long a decision is kept that comes before its request.",
    "tombstone_seconds": "How long after its closing a wait's record leaves the waiting topic.",
    "secrets": "Secrets of definitions, `${secrets.NAME}`; never stored, masked everywhere.",
}
INTRO = f"""# Settings

Read once, at start. A flag comes before the environment, the environment before `.env`, `.env`
before `sluicegate.toml`, that before the default. These may be files, with a variable that ends in
`_FILE` and names one: {", ".join(map(code, MAY_BE_FILES))} and `{SECRET_PREFIX}<NAME>`.
OpenTelemetry's `OTEL_*` are untouched.

"""


def written_beside() -> dict[str, str]:
    """Return the texts that stand below fields in the source."""
    bodies = [node for kind in (Settings, Bounds) for node in _body_of(kind)]
    texts = {}
    for field, below in itertools.pairwise(bodies):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=text)):
                texts[name] = str(text)
    return texts


def _body_of(kind: type) -> list[ast.stmt]:
    tree = ast.parse(Path(inspect.getfile(kind)).read_text("utf-8"))
    found = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == kind.__name__)
    return next(found).body


def variable(name: str, field: FieldInfo) -> str:
    """Return the variable that sets a field."""
    if name == "secrets":
        return f"{SECRET_PREFIX}<NAME>"
    if isinstance(field.validation_alias, AliasChoices):
        return str(field.validation_alias.choices[0])
    return f"{Settings.model_config['env_prefix']}{name.upper()}"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value is PydanticUndefined or value == ():
        return "none"
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(",".join(value) if isinstance(value, tuple) else str(value))


def _allowed(field: FieldInfo) -> str:
    """Return the choices or bounds of a field, as a sentence."""
    words = [str(word) for word in get_args(field.annotation) if isinstance(word, str)]
    if words:
        return f" One of {', '.join(map(code, words))}."
    bounds = []
    for bound in field.metadata:
        for name, sign in (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<=")):
            if hasattr(bound, name):
                bounds.append(f"{sign} {getattr(bound, name):,}")
    secret = " A secret." if SecretStr in (field.annotation, *get_args(field.annotation)) else ""
    return secret + (f" Must be {' and '.join(bounds)}." if bounds else "")


def page() -> str:
    """Return the page; a field without a meaning is an error that names it."""
    texts = {**MEANINGS, **written_beside()}
    unknown = [name for name in Settings.model_fields if name not in texts]
    if unknown:
        raise LookupError(f"say in docs/generate/settings.py what these are for: {unknown}")
    rows = (
        (
            f"`{variable(name, field)}`",
            _default(field),
            " ".join(texts[name].split()) + _allowed(field),
        )
        for name, field in Settings.model_fields.items()
    )
    return INTRO + table(("variable", "default", "meaning"), rows)
