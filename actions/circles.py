"""What the workflows of one folder do to each other: circles, and children that are not there.

None of it is a mistake by itself: a condition may end a circle, a child may be registered already.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from config.documents import Places
from engine.definition import Definition
from engine.hints import nearest
from engine.patterns import matches
from engine.steps.child import MAX_HOPS

At = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """A place where one workflow starts others: by a child's name, or by an event's type."""

    line: int
    column: int
    kind: Literal["child", "event"]
    name: str

    def starts(self, other: Definition) -> bool:
        """Tell whether it may start a workflow."""
        if self.kind == "child":
            return other.name == self.name
        events = (trigger.event for trigger in other.triggers)
        return any(event is not None and matches(event, self.name) for event in events)


def reaches_of(data: object, places: Places, at: At = ()) -> Iterator[Reach]:
    """Yield every place of a definition, as plain data, that starts other workflows."""
    if isinstance(data, list):
        for number, item in enumerate(data):
            yield from reaches_of(item, places, (*at, number))
    elif isinstance(data, Mapping):
        for key, value in data.items():
            if at and isinstance(value, Mapping):
                yield from _reach(str(key), value, places, (*at, str(key)))
            yield from reaches_of(value, places, (*at, str(key)))


def _reach(key: str, value: Mapping[str, object], places: Places, at: At) -> Iterator[Reach]:
    if key == "workflow" and isinstance(value.get("name"), str):
        yield Reach(*places.at((*at, "name")), "child", str(value["name"]))
    if key == "emit" and isinstance(value.get("event"), str) and "topic" not in value:
        yield Reach(*places.at((*at, "event")), "event", str(value["event"]))


def warnings_of(
    definitions: Sequence[Definition], reaches: Mapping[str, Sequence[Reach]]
) -> Iterator[tuple[Definition, Reach, str]]:
    """Yield each definition that reaches itself or nobody, with the place and what is odd there.

    `reaches` are those of each definition by its name.
    """
    by_name = {definition.name: definition for definition in definitions}
    for definition in definitions:
        for reach in reaches.get(definition.name, ()):
            if reach.kind == "child" and reach.name not in by_name:
                hint = nearest(reach.name, by_name)
                text = f"this folder has no workflow {reach.name!r}{hint}"
                yield definition, reach, text
            circle = _circle(definition, reach, definitions, reaches)
            if circle:
                names = " -> ".join(circle)
                text = f"this leads back here ({names}): it is stopped after {MAX_HOPS} rounds"
                yield definition, reach, text


def _circle(
    begin: Definition,
    first: Reach,
    definitions: Sequence[Definition],
    reaches: Mapping[str, Sequence[Reach]],
) -> list[str]:
    """Return the names on the shortest way from a workflow through a place back to itself."""
    ways = [[begin.name, other.name] for other in definitions if first.starts(other)]
    seen: set[str] = set()
    for way in ways:
        if way[-1] == begin.name:
            return way
        if way[-1] in seen:
            continue
        seen.add(way[-1])
        for reach in reaches.get(way[-1], ()):
            ways.extend([*way, other.name] for other in definitions if reach.starts(other))
    return []
