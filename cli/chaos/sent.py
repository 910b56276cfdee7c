"""What the load and the approver sent, as far as the broker acknowledged it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Sent:
    """Ids of what is on the topics for certain, to be found again in the rows."""

    events: list[str] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    poisons: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """How many of which kind: duplicates, contradictions, early decisions, ..."""

    def attempted(self) -> int:
        """Return how many executions were asked for."""
        return sum(1 for id in set(self.events) if not id.endswith("-signal"))

    def event(self, id: str) -> Callable[[bool], None]:
        """Return what keeps an event once it is acknowledged."""
        return self._keeper(self.events, id)

    def decision(self, id: str) -> Callable[[bool], None]:
        """Return what keeps a decision once it is acknowledged."""
        return self._keeper(self.decisions, id)

    def poison(self, key: str) -> Callable[[bool], None]:
        """Return what keeps a poisoned record once it is acknowledged."""
        return self._keeper(self.poisons, key)

    @staticmethod
    def _keeper(kept: list[str], id: str) -> Callable[[bool], None]:
        def keep(acknowledged: bool) -> None:
            if acknowledged:
                kept.append(id)

        return keep
