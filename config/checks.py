"""One question about a deployment, its answer, and the command that mends a bad one."""

from collections.abc import Iterable
from dataclasses import dataclass

from config.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Check:
    """A question with its answer; a bad one that is `fatal` keeps workers from starting."""

    name: str
    good: bool
    answer: str
    remedy: str = ""
    fatal: bool = True


class Unsound(ConfigError):
    """Workers would lose or repeat work here."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self.checks = tuple(checks)
        lines = [f"{check.name}: {check.answer}; {check.remedy}" for check in self.checks]
        super().__init__("\n  ".join(("this deployment would lose work:", *lines)))


def require_sound(checks: Iterable[Check]) -> list[Check]:
    """Return the bad checks that a worker may live with; raises Unsound for the others."""
    bad = [check for check in checks if not check.good]
    if fatal := [check for check in bad if check.fatal]:
        raise Unsound(fatal)
    return bad
