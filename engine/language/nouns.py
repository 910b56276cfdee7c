"""What the language is described with: values, keys, and nouns, which are mappings of keys."""

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from engine.values import dataclass

Schema = Mapping[str, object]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Nothing:
    """The type of NOTHING."""


NOTHING: Final = _Nothing()
"""The default of a key that has none; null is a value."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a key may hold: in words for people, as JSON Schema for editors."""

    words: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a mapping."""

    name: str
    value: Value
    about: str
    examples: tuple[object, ...]
    default: object = NOTHING
    required: bool = False

    def schema(self) -> dict[str, object]:
        """Return the key's JSON Schema."""
        default = {} if self.default is NOTHING else {"default": self.default}
        return {
            "title": self.name,
            "description": self.about,
            **self.value.schema,
            **default,
            "examples": list(self.examples),
        }


def key(
    name: str,
    value: Value,
    about: str,
    *examples: object,
    default: object = NOTHING,
    required: bool = False,
) -> Key:
    """Return a key; what it defaults to is its example where no other is given."""
    return Key(name, value, about, examples or (default,), default, required)


@dataclass(frozen=True, slots=True)
class Noun:
    """A mapping of the language: its keys, and what holds between them."""

    name: str
    title: str
    about: str
    keys: tuple[Key, ...]
    rules: Schema = field(default_factory=dict)
    """JSON Schema keywords: which keys exclude or need each other."""

    def schema(self) -> dict[str, object]:
        """Return the noun's JSON Schema: no other keys than these."""
        required = [key.name for key in self.keys if key.required]
        return {
            "title": self.title,
            "description": self.about,
            "type": "object",
            "properties": {key.name: key.schema() for key in self.keys},
            **({"required": required} if required else {}),
            "additionalProperties": False,
            **self.rules,
        }

    def example(self) -> dict[str, object]:
        """Return the smallest example: what is required."""
        return {key.name: key.examples[0] for key in self.keys if key.required}

    def names(self) -> tuple[str, ...]:
        """Return the names of the keys."""
        return tuple(key.name for key in self.keys)


def not_both(first: str, second: str) -> Schema:
    """Return the rule that two keys exclude each other."""
    return {"not": {"required": [first, second]}}
