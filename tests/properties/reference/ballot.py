"""The model of an approval's votes: decided when all that could follow ends the same."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

REQUESTER = "bob"


@dataclass(slots=True)
class Ballot:
    """Who may say what about one approval, and what has been said."""

    spec: Mapping[str, Any]
    outcomes: Sequence[str]
    more: tuple[str, ...] = ()
    """Whom an escalation has added."""
    voted: list[str] = field(default_factory=list)
    stage: int = 0
    said: list[str] = field(default_factory=list)
    """Answers of the present stage."""
    decided: str | None = None

    def __post_init__(self) -> None:
        if self.counted:
            self._look()

    @property
    def policy(self) -> Mapping[str, Any]:
        """Return the policy as the definition has it."""
        found: Mapping[str, Any] = self.spec.get("policy", {})
        return found

    @property
    def counted(self) -> bool:
        """Tell whether more than the first vote matters."""
        return bool(self.policy.keys() & {"n_of", "all", "sequence"})

    def refusal(self, by: str, outcome: str) -> str | None:
        """Return the code with which an answer is refused."""
        asked = self._asked()
        if by == REQUESTER:
            return "self_approval"
        if by in self.spec.get("exclude", ()) or (asked is not None and by not in asked):
            return "not_allowed"
        if self.counted and (by in self.voted or (self._voices() or {by}).isdisjoint({by})):
            return "not_allowed"
        return None if outcome in self.outcomes else "invalid_outcome"

    def vote(self, by: str, outcome: str) -> None:
        """Count an answer that is not refused."""
        if not self.counted:
            self.decided = outcome
            return
        self.voted.append(by)
        self.said.append(outcome)
        self._look()

    def _stages(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self.policy.get("sequence", [self.spec])
        return found

    def _asked(self) -> set[str] | None:
        """Return who is asked in the present stage; None: anyone."""
        stage = self._stages()[self.stage]
        return None if stage.get("anyone") else {*stage["users"], *self.more}

    def _voices(self) -> set[str]:
        """Return who alone counts under `all`."""
        return set(self.policy.get("all", ()))

    def _needed(self) -> int:
        if "all" in self.policy:
            return len(self._voices())
        return int(self.policy.get("n_of", 1))

    def _look(self) -> None:
        """Decide if nothing that may follow makes a difference; go on to the next stage."""
        asked = self._asked()
        gone = {*self.voted, *self.spec.get("exclude", ()), REQUESTER}
        if asked is None:
            endings = {self._ends_as(self.said)}
        else:
            left = len(((self._voices() or asked) & asked) - gone)
            follow = product(self.outcomes, repeat=left)
            endings = {
                self._ends_as([*self.said, *more]) or self._fallback(more) for more in follow
            }
        if len(endings) != 1 or None in endings:
            return
        (outcome,) = endings
        if outcome == self.outcomes[0] and self.stage + 1 < len(self._stages()):
            self.stage, self.said = self.stage + 1, []
            self._look()
        else:
            self.decided = outcome

    def _ends_as(self, answers: Sequence[str]) -> str | None:
        """Return which outcome first gets enough votes."""
        counts: Counter[str] = Counter()
        for answer in answers:
            counts[answer] += 1
            vetoes = self.policy.get("veto") and answer != self.outcomes[0]
            if counts[answer] >= (1 if vetoes else self._needed()):
                return answer
        return None

    def _fallback(self, more: Sequence[str]) -> str:
        """Return what comes out if nothing gets enough: most votes, of equals the first listed."""
        counts = Counter([*self.said, *more])
        return max(self.outcomes[1:], key=lambda name: counts[name])
