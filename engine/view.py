"""What the steps of one turn read, and where they write: the context, and a loop's own part."""

from collections.abc import Mapping
from itertools import accumulate

from engine.execution import Execution
from engine.ids import public_id

NOT_STORED = ("event", "execution", "error")
"""Parts of the scope that are rebuilt, never stored in the context."""
SHARED = ("steps", "approvals", "waits")
"""Parts of the scope in which what a loop's frame holds stands beside what is outside."""


def framed(
    base: dict[str, object], frames: Mapping[str, dict[str, object]], name: str
) -> tuple[dict[str, object], dict[str, object] | None]:
    """Return what a line sees, and the frame of the innermost loop around it, if any."""
    # By name, not by a look at each: of a list in a list there are as many frames as elements.
    around = [key for key in accumulate(name.split("/"), "{}/{}".format) if key in frames]
    if not around:
        return base, None
    scope = dict(base)
    for key in around:
        for part, value in frames[key].items():
            outer = scope.get(part) if part in SHARED else None
            if isinstance(outer, dict) and isinstance(value, dict):
                scope[part] = {**outer, **value}
            else:
                scope[part] = value
    return scope, frames[around[-1]]


class View:
    """The scope as seen from the line under way."""

    __slots__ = ("base", "frames", "own", "scope", "steps")

    def __init__(self, execution: Execution, date: str) -> None:
        self.base: dict[str, object] = dict(execution.context)
        self.frames: dict[str, dict[str, object]] = {
            name: dict(frame) for name, frame in execution.frames.items()
        }
        self.own: dict[str, object] | None = None
        self.scope = self.base
        self.steps = self.part("steps")
        self.scope["event"] = {**execution.payload, "meta": execution.meta}
        self.scope["execution"] = {
            "id": public_id(execution.id),
            "date": date,
            "workflow": execution.workflow,
            "version": execution.version,
        }

    def look_from(self, name: str) -> None:
        """See what a line sees."""
        if self.frames or self.own is not None:
            self.scope, self.own = framed(self.base, self.frames, name)
            self.steps = self.part("steps")

    def part(self, name: str) -> dict[str, object]:
        """Return a copy of one part of the scope (`steps`, ...) that may be changed."""
        found = self.scope.get(name)
        part: dict[str, object] = dict(found) if isinstance(found, dict) else {}
        self.scope[name] = part
        return part

    def keep(self, part: str, id: str, value: object) -> None:
        """Put what a step came to where later steps read it: `<part>.<id>`."""
        (self.steps if part == "steps" else self.part(part))[id] = value
        if self.own is not None:
            inner = self.own.get(part)
            self.own[part] = {**(inner if isinstance(inner, dict) else {}), id: value}

    def waits_of(self, id: str) -> dict[str, object]:
        """Return what has come so far of the events for which a step waits."""
        waits = self.scope.get("waits")
        held = waits.get(id) if isinstance(waits, dict) else None
        came = held.get("came") if isinstance(held, dict) else None
        return came if isinstance(came, dict) else {}

    def see_error(self, path: str, otherwise: Mapping[str, object] | None) -> None:
        """Let a step read as `error` why the step failed whose `on_error` it belongs to."""
        for id in reversed(path.split("/")[:-1]) if "/" in path else ():
            state = self.steps.get(id)
            if isinstance(state, dict) and state.get("status") == "failed":
                self.scope["error"] = state.get("error")
                return
        if otherwise is not None:
            self.scope["error"] = otherwise
        else:
            self.scope.pop("error", None)

    def stored(self) -> dict[str, object]:
        """Return the context as it is kept between two inputs."""
        return {key: value for key, value in self.base.items() if key not in NOT_STORED}
