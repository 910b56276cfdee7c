"""Secrets are put in where an effect is performed, and taken out of what is told about it."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy

from pydantic import SecretStr

from engine.errors import SluicegateError
from engine.templates import Secret, SecretSlot

Secrets = Mapping[str, SecretStr]


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
    for secret in secrets.values():
        value = secret.get_secret_value()
        if value:
            text = text.replace(value, "***")
    return text
