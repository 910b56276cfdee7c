"""How long to wait before the next attempt (requirements.md D13, S27, S28)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retries after the first attempt, and the pause before each."""

    max: int = 3
    backoff: Literal["exponential", "linear", "fixed"] = "exponential"
    base: timedelta = timedelta(seconds=1)
    cap: timedelta = timedelta(seconds=60)
    jitter: Literal["full", "none"] = "full"

    def delay(self, attempt: int, chance: float) -> timedelta:
        """Return the pause after a failed attempt (from 1); `chance` in [0, 1) spreads it."""
        factor = {"exponential": 2 ** min(attempt - 1, 40), "linear": attempt, "fixed": 1}
        seconds = min(self.base.total_seconds() * factor[self.backoff], self.cap.total_seconds())
        return timedelta(seconds=seconds * chance if self.jitter == "full" else seconds)
