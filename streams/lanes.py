"""Limits of concurrency: who runs in a lane, and who waits for its turn (S16)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.ids import ExecutionId

if TYPE_CHECKING:
    from streams.work import Work


@dataclass(frozen=True, slots=True, order=True)
class Lane:
    """A line of executions of one workflow, of which so many run at once."""

    workflow: str
    name: str
    most: int


class Reservations:
    """The places in some lanes, locked for this transaction; `save` notes who took them."""

    def __init__(self, work: "Work", running: dict[tuple[str, str], int]) -> None:
        self._work, self._running = work, running
        self._rows: list[dict[str, object]] = []

    @classmethod
    async def lock(cls, work: "Work", lanes: Collection[Lane]) -> "Reservations":
        """Lock lanes against each other's transactions, all that are needed at once."""
        names = {(lane.workflow, lane.name) for lane in lanes}
        return cls(work, await _lock_and_count(work, names) if names else {})

    def has_room(self, lanes: Collection[Lane]) -> bool:
        """Tell whether one more may run in each of the lanes."""
        return all(self._running[(lane.workflow, lane.name)] < lane.most for lane in lanes)

    def take(self, id: ExecutionId, lanes: Collection[Lane]) -> bool:
        """Note an execution in its lanes; tell whether there is room in all of them."""
        runs = self.has_room(lanes)
        for lane in lanes:
            self._running[(lane.workflow, lane.name)] += runs
            self._rows.append(
                {
                    "workflow_name": lane.workflow,
                    "lane": lane.name,
                    "execution_id": id,
                    "most": lane.most,
                    "running": runs,
                }
            )
        return runs

    async def save(self) -> None:
        """Write who is in which lane."""
        await self._work.transaction.write("insert_lanes", self._rows)


async def _lock_and_count(
    work: "Work", lanes: Collection[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Lock lanes against each other's transactions; return how many run in each."""
    rows = [{"workflow_name": workflow, "lane": name} for workflow, name in sorted(lanes)]
    await work.transaction.write("lock_lanes", rows)
    counted = await work.transaction.fetch_written("count_lanes", rows)
    found = dict.fromkeys(lanes, 0)
    for row in counted:
        found[(row["workflow_name"], row["lane"])] = row["running"]
    return found


async def release(work: "Work", ended: Collection[ExecutionId]) -> None:
    """Leave the lanes of ended executions, and let the next ones start."""
    left = await work.transaction.fetch("leave_lanes", ids=sorted(ended))
    lanes = {(row["workflow_name"], row["lane"]) for row in left}
    if not lanes:
        return
    running = await _lock_and_count(work, lanes)
    rows = [{"workflow_name": workflow, "lane": name} for workflow, name in sorted(lanes)]
    waiting: dict[str, list[Lane]] = {}
    for row in await work.transaction.fetch_written("find_waiting_in_lanes", rows):
        lane = Lane(row["workflow_name"], row["lane"], row["most"])
        waiting.setdefault(row["execution_id"], []).append(lane)
    # A lane that nobody left may be one of theirs: count it as well.
    others = {(ln.workflow, ln.name) for some in waiting.values() for ln in some} - lanes
    if others:
        running |= await _lock_and_count(work, others)
    begun = []
    for id, wanted in waiting.items():
        if all(running[(lane.workflow, lane.name)] < lane.most for lane in wanted):
            begun.append(id)
            for lane in wanted:
                running[(lane.workflow, lane.name)] += 1
    if begun:
        await work.transaction.run("enter_lanes", ids=begun)
    for id in begun:
        work.ledger.nudge(ExecutionId(id), "start", {})
