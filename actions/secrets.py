"""Secrets are put in where an effect is performed, and taken out of what is told about it."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from urllib.parse import quote

from pydantic import SecretStr

from engine.errors import SluicegateError
from engine.templates import Secret, SecretSlot

Secrets = Mapping[str, SecretStr]
STARS = "***"
SHORTEST_SECRET = 4
"""Shorter values are not masked: that would blot out ordinary text."""


class SecretMissing(SluicegateError):
    """A definition names a secret that this process does not have."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the secret {name} is not set; set SLUICEGATE_SECRET_{name}")


def reveal(parts: Iterable[str | Secret], secrets: Secrets) -> str:
    """Return a text with its secrets; raises SecretMissing."""
    texts = []
    for part in parts:
        if isinstance(part, Secret):
            found = secrets.get(part.name)
            if found is None:
                raise SecretMissing(part.name)
            texts.append(found.get_secret_value())
        else:
            texts.append(part)
    return "".join(texts)


def fill(
    params: Mapping[str, object], slots: Sequence[SecretSlot], secrets: Secrets
) -> dict[str, object]:
    """Return parameters with the secrets in their places."""
    filled: dict[str, object] = deepcopy(dict(params)) if slots else dict(params)
    for slot in slots:
        node: object = filled
        for key in slot.at[:-1]:
            node = node[key]  # type: ignore[index]
        node[slot.at[-1]] = reveal(slot.parts, secrets)  # type: ignore[index]
    return filled


def redact(text: str, secrets: Secrets) -> str:
    """Return a text with the values of secrets masked."""
    for shape in _shapes(secrets):
        text = text.replace(shape, STARS)
    return text


def redact_value(value: object, secrets: Secrets) -> object:
    """Return a JSON-like value with the secrets in its texts masked."""
    if not secrets:
        return value
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, Mapping):
        return {key: redact_value(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redact_value(inner, secrets) for inner in value]
    return value


def _shapes(secrets: Secrets) -> list[str]:
    """Return secrets as they may stand in a text, plain or in a URL, longest first."""
    values = {secret.get_secret_value() for secret in secrets.values()}
    long = {value for value in values if len(value) >= SHORTEST_SECRET}
    return sorted({*long, *(quote(value, safe="") for value in long)}, key=len, reverse=True)
