"""Settings that stand in files: `.env`, `sluicegate.toml`, and what `*_FILE` variables name."""

import difflib
import logging
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from config.errors import ConfigError

PREFIX = "SLUICEGATE_"
SECRET_PREFIX = "SLUICEGATE_SECRET_"  # noqa: S105
MAY_BE_FILES = (
    "DATABASE_URL",
    "REDIS_URL",
    "KAFKA_SASL_PASSWORD",
    "SLUICEGATE_SMTP_URL",
    "SLUICEGATE_NOTIFY_SLACK_URL",
    "SLUICEGATE_NOTIFY_TEAMS_URL",
)
UNPREFIXED = frozenset({"KAFKA", "DATABASE", "REDIS", "HOST", "PORT", "LOG", "FAILPOINT"})
"""How the variables begin that are not only ours."""
OF_OTHERS = ("SLUICEGATE_IMAGE", "SLUICEGATE_TEST_", "SLUICEGATE_FAULT_", "SLUICEGATE_FIGURES")
"""How variables begin that only compose files and tests read."""
LIKE = 0.85
"""How much a name must be like another to be meant by it."""
_told: set[str] = set()
log = logging.getLogger("sluicegate.settings")


def variable_of(field: str) -> str:
    """Return the variable that sets a field."""
    name = field.upper()
    return name if name.partition("_")[0] in UNPREFIXED else f"{PREFIX}{name}"


def read_env_file(path: Path) -> dict[str, str | None]:
    """Return the variables of a file such as `.env`, if it is there; raises ConfigError."""
    try:
        with path.open(encoding="utf-8") as stream:
            lines = list(parse_stream(stream))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path} cannot be read: {_reason(problem)}") from None
    for line in lines:
        if line.error:
            # The text of a line begins with the blank lines before it.
            text = line.original.string
            number = line.original.line + text[: len(text) - len(text.lstrip())].count("\n")
            place = f"{path}, line {number}"
            raise ConfigError(
                f"{place}: this is no setting; write NAME=value, or # before a remark"
            )
    return dotenv_values(path)


def read_toml_file(path: Path) -> dict[str, object]:
    """Return what a TOML file holds, if it is there; raises ConfigError."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"{path} is no TOML: {problem}") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path} cannot be read: {_reason(problem)}") from None


def _reason(problem: Exception) -> str:
    return getattr(problem, "strerror", None) or "it is not UTF-8 text"


def tell_unknown(fields: Collection[str], variables: Mapping[str, str | None], toml: Path) -> None:
    """Say, once each, which variables and keys of ours nobody reads: they may be misspelt."""
    for text in (*_unknown_variables(fields, variables), *_unknown_keys(fields, toml)):
        if text not in _told:
            _told.add(text)
            log.warning("%s", text)


def _unknown_variables(
    fields: Collection[str], variables: Mapping[str, str | None]
) -> Iterator[str]:
    known = [variable_of(field) for field in fields]
    known += [f"{name}_FILE" for name in MAY_BE_FILES]
    for name in sorted(variables):
        ours = name.startswith(PREFIX) and not name.startswith((SECRET_PREFIX, *OF_OTHERS))
        if ours and name not in known:
            yield f"{name} is no setting of ours and changes nothing{_meant(name, known)}"


def _unknown_keys(fields: Collection[str], toml: Path) -> Iterator[str]:
    known = {spelling: field for field in fields for spelling in (field, variable_of(field))}
    for name in sorted(read_toml_file(toml)):
        if name not in known:
            text = f"{toml}: {name} is no setting of ours and changes nothing"
            yield f"{text}{_meant(name, fields)}"


def _meant(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, LIKE)
    return f"; did you mean {near[0]}?" if near else ""


def from_files(environment: Mapping[str, str | None]) -> dict[str, str]:
    """Return what `*_FILE` variables point to, by the variable they stand for."""
    found = {}
    for name, path in environment.items():
        base = name.removesuffix("_FILE")
        known = base in MAY_BE_FILES or base.startswith(SECRET_PREFIX)
        wanted = base != name and known
        if wanted and path and base not in environment:
            try:
                found[base] = Path(path).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as problem:
                text = f"{name}={path} cannot be read: {_reason(problem)}"
                raise ConfigError(text) from problem
    return found


def secrets_of(variables: Mapping[str, str | None]) -> dict[str, str]:
    """Return what `SLUICEGATE_SECRET_<NAME>` variables hold, by NAME."""
    return {
        name.removeprefix(SECRET_PREFIX): value
        for name, value in variables.items()
        if value is not None and name.startswith(SECRET_PREFIX) and not name.endswith("_FILE")
    }
