"""Ids of steps: each is used once, and there are not too many."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.loading.branches import steps_below
from engine.loading.node import Node

MAX_STEPS = 200


@dataclass(slots=True)
class StepIds:
    """Which ids the steps of a definition have."""

    places: dict[str, str] = field(default_factory=dict)
    """Where each stands, as keys and indexes joined by dots."""

    def note(self, step: Node) -> None:
        """Take in the id of a step; one that another step has is a mistake."""
        if not isinstance(step.value, Mapping) or "id" not in step.value:
            return
        node = step.child("id", step.value["id"])
        id = node.name("step id")
        if not isinstance(node.value, str):
            return
        if id in self.places:
            node.mistake(f"the step id {id!r} is used already, at {self.places[id]}; rename one")
        self.places.setdefault(id, ".".join(map(str, step.at)))
        if len(self.places) == MAX_STEPS + 1:
            step.mistake(f"a definition has at most {MAX_STEPS} steps")

    def note_unread(self, step: Node) -> None:
        """Take in the ids of a step that is not read because of its verb, and of those in it."""
        self.note(step)
        for inner in steps_below(step):
            self.note(inner)
