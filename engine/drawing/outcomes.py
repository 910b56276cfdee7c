"""Where the outcomes of an approval lead to."""

from collections.abc import Iterator, Mapping

from engine.drawing.wording import Body, listed, mapping, said
from engine.values import dataclass

BRANCHES = {"on_approved": "approved", "on_rejected": "rejected", "on_expired": "expired"}


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The outcomes of one approval, by what follows."""

    onwards: tuple[str, ...]
    branches: tuple[tuple[str, str, object, bool], ...]
    """Whose a branch is, its label, its steps, and whether it is of the first outcome."""
    blocked: tuple[str, ...]


def outcomes_of(step: Body, approval: Body, *, blocks: bool) -> Outcomes:
    """Return where the outcomes lead; with `blocks` all but the first end the execution."""
    named = [said(name) for name in listed(approval.get("outcomes"))] or ["approved", "rejected"]
    written = dict(_written(step))
    expires = "expires_in" in approval or "expires_at" in approval or "expired" in written
    onwards: list[str] = []
    blocked: list[str] = []
    branches: dict[str, list[str]] = {}
    for outcome in (*named, *(["expired"] if expires else [])):
        leading = _leading(outcome, written)
        refused = outcome != named[0] if blocks else outcome in ("rejected", "expired")
        if leading is not None and listed(written[leading][1]):
            branches.setdefault(leading, []).append(outcome)
        elif leading is None and refused:
            blocked.append(outcome)
        else:
            onwards.append(outcome)
    return Outcomes(
        tuple(onwards),
        tuple(
            (leading, _label(leading, written, found), written[leading][1], named[0] in found)
            for leading, found in branches.items()
        ),
        tuple(blocked),
    )


def _written(step: Body) -> Iterator[tuple[str, tuple[str, object]]]:
    """Yield the branches as written: outcome, then key and steps."""
    for key, outcome in BRANCHES.items():
        if key in step:
            yield outcome, (key, step[key])
    for outcome, steps in mapping(step.get("on")).items():
        yield outcome, (outcome, steps)


def _leading(outcome: str, written: Mapping[str, object]) -> str | None:
    """Return whose branch an outcome takes: expired takes that of rejected where it has none."""
    if outcome in written:
        return outcome
    return "rejected" if outcome == "expired" and "rejected" in written else None


def _label(leading: str, written: Mapping[str, tuple[str, object]], found: list[str]) -> str:
    others = (outcome for outcome in found if outcome != leading)
    return ", ".join((written[leading][0], *others))
