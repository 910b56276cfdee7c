"""How many approvals of one requester may be open: the step that asks for one more fails."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.ids import ExecutionId, WaitId
from engine.inputs import RequestRefused

if TYPE_CHECKING:
    from streams.work import Work

CODE = "too_many_open_approvals"


@dataclass(slots=True)
class Requesters:
    """Of one transaction: the approvals looked at so far, and how many each requester has."""

    seen: set[str] = field(default_factory=set)
    open: Counter[str] = field(default_factory=Counter)

    async def refuse_beyond(self, work: "Work") -> bool:
        """Refuse what is above the bound; tell whether anything was."""
        new = {
            id: (ExecutionId(str(row["execution_id"])), str(row["requester_id"]))
            for id, row in work.ledger.new_approvals.items()
            if id not in self.seen and row["requester_id"] and row["status"] == "pending"
        }
        if not new:
            return False
        await self._count(work, {requester for _, requester in new.values()})
        self.seen |= new.keys()
        most, refused = work.catalog.bounds.max_open_approvals, False
        for id, (execution, requester) in new.items():
            self.open[requester] += 1
            if self.open[requester] > most:
                text = (
                    f"{requester} has {most} open approvals already "
                    "(SLUICEGATE_MAX_OPEN_APPROVALS); have some decided first"
                )
                work.apply(execution, RequestRefused(work.now, WaitId(id), CODE, text))
                self.open[requester] -= 1
                refused = True
        return refused

    async def _count(self, work: "Work", requesters: set[str]) -> None:
        unknown = sorted(requesters - self.open.keys())
        if not unknown:
            return
        closed = [row["id"] for row in work.ledger.closed_approvals.values()]
        rows = await work.transaction.fetch(
            "count_open_requests", requesters=unknown, closed=closed
        )
        self.open.update(
            {**dict.fromkeys(unknown, 0), **{r["requester"]: r["number"] for r in rows}}
        )
