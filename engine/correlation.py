"""How an event finds the waits that it ends: one text computed on both sides (D10)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from engine.definition import CancelOn, Definition, EventsWait, EventWait, WaitVerb
from engine.paths import MISSING, lookup, parse_path

RECORD_KEY = "@key"
"""Stands for the Kafka key of the record, what a wait without `match` compares."""


@dataclass(frozen=True, slots=True)
class WaitShape:
    """A pattern and the payload paths that waits of one form compare."""

    event: str
    paths: tuple[str, ...]


def compared(
    what: EventWait | CancelOn, scope: Mapping[str, object], key: object
) -> dict[str, object]:
    """Return the values that an event must bring, by path; raises Unresolved."""
    if not what.match:
        return {RECORD_KEY: key}
    return {path: template.render(scope) for path, template in sorted(what.match.items())}


def shape_of(wait: EventWait | CancelOn) -> WaitShape:
    """Return the form of an event wait."""
    return WaitShape(wait.event, tuple(sorted(wait.match)) or (RECORD_KEY,))


def shapes_of(definition: Definition) -> frozenset[WaitShape]:
    """Return the forms of all events that executions of a definition listen for."""
    found: set[WaitShape] = set()
    for step in definition.steps.values():
        what = step.verb.what if isinstance(step.verb, WaitVerb) else None
        if isinstance(what, EventsWait):
            found.update(shape_of(event) for event in what.events)
        elif isinstance(what, EventWait):
            found.add(shape_of(what))
    cancelling = (trigger.cancel_on for trigger in definition.triggers)
    return frozenset(found.union(shape_of(what) for what in cancelling if what is not None))


def correlation(shape: WaitShape, values: Sequence[object]) -> str:
    """Return the text that a wait and its event share; `values` in the order of the paths."""
    alike = [_alike(value) for value in values]
    text = json.dumps([shape.event, shape.paths, alike], sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _alike(value: object) -> object:
    """Return a value so that what is equal in a condition is the same text: 1.0 is 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_alike(item) for item in value]
    if isinstance(value, dict):
        return {name: _alike(item) for name, item in value.items()}
    return value


def correlation_of_event(
    shape: WaitShape, payload: Mapping[str, object], key: str | None
) -> str | None:
    """Return the correlation of an event under a shape, or None if it lacks a compared field."""
    values = [
        key if path == RECORD_KEY else lookup(payload, parse_path(path)) for path in shape.paths
    ]
    if any(value is MISSING or value is None for value in values):
        return None
    return correlation(shape, values)
