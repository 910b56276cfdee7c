"""A scripted world: what it answers to each thing that is asked, known before it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zlib import crc32

from tests.builders import NOW

MILLISECOND = timedelta(milliseconds=1)
SLOW = (4_000, 260_000, 3_700_000, 47_000_000)
"""About seconds, minutes, an hour, half a day; in milliseconds, each answer a bit longer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of one attempt of an effect."""

    after: timedelta
    kind: Literal["done", "retryable", "final", "doubt"]
    output: object = None
    retry_after: timedelta | None = None
    chance: float = 0.0


@dataclass(frozen=True, slots=True)
class Said:
    """A decision about an approval, so long after it was opened."""

    after: timedelta
    name: str
    by: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Came:
    """An event for a wait, so long after it was opened."""

    after: timedelta
    payload: dict[str, object]


@dataclass(frozen=True, slots=True)
class Grown:
    """How a child execution ends, so long after it was started."""

    after: timedelta
    status: str
    result: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """What an operator asks of the execution at an instant."""

    at: datetime
    kind: Literal["cancel", "undo", "hold", "resume"]


@dataclass(frozen=True, slots=True, repr=False)
class Answers:
    """The whole script, spelled by some bytes: zeros spell a world where all goes well."""

    choices: bytes

    def _roll(self, *name: object) -> tuple[int, int]:
        """Return the choice that belongs to a name, and a number that is the name's own."""
        own = crc32("\x1f".join(map(str, name)).encode())
        return self.choices[own % len(self.choices)], own

    def _after(self, *name: object) -> timedelta:
        byte, own = self._roll("after", *name)
        return (SLOW[byte % 4] + own % 99_991) * MILLISECOND

    def __repr__(self) -> str:
        """Return how to make this script, and what stands at its beginning."""
        return f"Answers({self.choices!r}): payload {self.payload()}, orders {self.orders()}"

    def effect(self, name: str, count: int, *, may_doubt: bool = False) -> Answer:
        """Return what comes of asking for an effect for the n-th time."""
        byte, own = self._roll("effect", name, count)
        kinds: Sequence[Literal["done", "retryable", "final", "doubt"]]
        kinds = ("done", "done", "retryable", "done", "final", "done", "retryable", "doubt")
        kind = kinds[byte % 8]
        if kind == "doubt" and not may_doubt:
            kind = "done"
        late = timedelta(minutes=2) if byte & 16 and kind == "retryable" else None
        output = {"n": own % 100, "of": name}
        return Answer(self._after(name, count), kind, output, late, own % 1_000 / 1_000)

    def after_doubt(self, name: str, count: int) -> tuple[timedelta, Literal["retry", "skip"]]:
        """Return when an operator looks at an effect in doubt, and what they do."""
        return self._after("doubt", name, count), (
            "skip" if self._roll("doubt", name)[0] % 3 == 1 else "retry"
        )

    def decisions(self, path: str, outcomes: Sequence[str]) -> list[Said]:
        """Return all decisions that are ever sent about an approval, in order of time."""
        found = []
        byte, _ = self._roll("decisions", path)
        for number in range((1, 2, 3, 4, 5, 2, 3, 0)[byte % 8]):
            choice, _ = self._roll("decision", path, number)
            by = ("ada", "ben", "cleo", "bob", "zoe", "ben")[choice % 6]
            said = (*outcomes, outcomes[0], "nonsense")[(choice // 6) % 4]
            name = f"{path}#{number}"
            found.append(Said(self._after("said", path, number), name, by, said))
        return sorted(found, key=lambda said: said.after)

    def events(self, path: str, part: int) -> list[Came]:
        """Return all events that ever come for a wait, in order of time."""
        found = []
        byte, _ = self._roll("events", path, part)
        for number in range((1, 1, 2, 0)[byte % 4]):
            choice, own = self._roll("event", path, part, number)
            payload: dict[str, object] = {"n": choice % 5, "own": own % 100}
            found.append(Came(self._after("came", path, part, number), payload))
        return sorted(found, key=lambda came: came.after)

    def child(self, path: str) -> Grown:
        """Return how the child execution of a step ends."""
        byte, _ = self._roll("child", path)
        status, result, code = (
            ("completed", "executed", None),
            ("completed", "allowed", None),
            ("blocked", "blocked", "stopped"),
            ("failed", "failed", "http_500"),
            ("cancelled", None, None),
        )[byte % 5]
        return Grown(self._after("child", path), status, result, code)

    def orders(self) -> list[Order]:
        """Return what operators ask, in order of time."""
        byte, _ = self._roll("orders")
        begin = NOW + self._after("order", 1)
        then = begin + self._after("order", 2)
        match byte % 16:
            case 3:
                return [Order(begin, "cancel")]
            case 4:
                return [Order(begin, "undo")]
            case 5 | 6:
                return [Order(begin, "hold"), Order(then, "resume")]
            case 7:
                return [Order(begin, "hold"), Order(then, "undo")]
            case 8:
                return [Order(begin, "resume"), Order(then, "cancel")]
            case _:
                return []

    def payload(self) -> dict[str, object]:
        """Return the payload of the triggering event."""
        byte, _ = self._roll("payload")
        items = [[], [1], [1, 2], [3, 2, 1]][(byte >> 2) % 4]
        payload: dict[str, object] = {
            "total": (50, 5, 15)[byte % 3],
            "items": items,
            "requested_by": "bob",
        }
        return payload | {"customer": "c1"} if byte & 32 else payload
