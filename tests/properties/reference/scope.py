"""What the model's steps read, and the little language in which they read it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MISSING = object()
REFERENCE = re.compile(r"\$\{([^}:]+)(?::-([^}]*))?\}")
PARTS = ("steps", "approvals", "waits")


class Unresolved(Exception):
    """A reference leads nowhere and has no default."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The context, over it what only the loops around see, and the error that is being handled."""

    frames: tuple[dict[str, Any], ...]
    """The context first, the innermost loop last."""
    error: Mapping[str, object] | None = None

    def inside(self, frame: dict[str, Any]) -> "Scope":
        """Return the scope of one item or round."""
        return Scope((*self.frames, frame), self.error)

    def handling(self, error: Mapping[str, object]) -> "Scope":
        """Return the scope of an `on_error`."""
        return Scope(self.frames, error)

    def keep(self, part: str, id: str, value: object) -> None:
        """Let later steps read `<part>.<id>`: those of the same item or round, else all."""
        self.frames[-1].setdefault(part, {})[id] = value

    def look(self, path: str) -> object:
        """Return what a dotted path leads to, or MISSING."""
        first, *rest = path.split(".")
        value = self._first(first)
        for name in rest:
            if isinstance(value, list):
                value = value[int(name)] if int(name) < len(value) else MISSING
            else:
                value = value.get(name, MISSING) if isinstance(value, dict) else MISSING
        return value

    def _first(self, name: str) -> object:
        if name in PARTS:
            return {id: v for frame in self.frames for id, v in frame.get(name, {}).items()}
        if name == "error":
            return MISSING if self.error is None else self.error
        return next((frame[name] for frame in reversed(self.frames) if name in frame), MISSING)


def render(value: object, scope: Scope) -> Any:
    """Return a value with its references replaced; a text that is one reference keeps its type."""
    if isinstance(value, dict):
        return {key: render(inner, scope) for key, inner in value.items()}
    if isinstance(value, list):
        return [render(inner, scope) for inner in value]
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    return _read(whole, scope) if whole else REFERENCE.sub(lambda m: _text(m, scope), value)


def _text(reference: re.Match[str], scope: Scope) -> str:
    found = _read(reference, scope)
    return found if isinstance(found, str) else json.dumps(found, separators=(",", ":"))


def _read(reference: re.Match[str], scope: Scope) -> object:
    found = scope.look(reference[1])
    if found is not MISSING:
        return found
    if reference[2] is None:
        raise Unresolved(reference[1])
    return reference[2]


def holds(condition: Mapping[str, Any], scope: Scope) -> bool:
    """Tell whether a condition holds; what is missing is null."""
    for key, value in condition.items():
        if key == "not":
            truth = not holds(value, scope)
        elif key in ("all", "any"):
            truth = (all if key == "all" else any)(holds(part, scope) for part in value)
        else:
            found = scope.look(key)
            given = None if found is MISSING else found
            truth = all(_compare(name, given, other) for name, other in value.items())
        if not truth:
            return False
    return True


def _compare(operator: str, value: Any, other: Any) -> bool:
    match operator:
        case "eq":
            return bool(value == other)
        case "exists":
            return bool((value is not None) == other)
        case "gte":
            return isinstance(value, int) and value >= other
        case "lt":
            return isinstance(value, int) and value < other
        case _:
            raise LookupError(f"the model does not know {operator}")
