"""Limits of concurrency: who runs in a lane, and who waits for its turn (S16)."""

from collections.abc import Collection, Mapping
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


async def reserve(work: "Work", wanted: Mapping[ExecutionId, Collection[Lane]]) -> set[ExecutionId]:
    """Note executions in their lanes; return those for which there is room in all of them."""
    if not wanted:
        return set()
    lanes = {lane for some in wanted.values() for lane in some}
    running = await _lock_and_count(work, {(lane.workflow, lane.name) for lane in lanes})
    free, rows = set(), []
    for id in sorted(wanted):
        has_room = all(running[(lane.workflow, lane.name)] < lane.most for lane in wanted[id])
        if has_room:
            free.add(id)
        for lane in wanted[id]:
            running[(lane.workflow, lane.name)] += has_room
            rows.append(
                {
                    "workflow_name": lane.workflow,
                    "lane": lane.name,
                    "execution_id": id,
                    "most": lane.most,
                    "running": has_room,
                }
            )
    await work.transaction.write("insert_lanes", rows)
    return free


async def have_room(work: "Work", lanes: Collection[Lane]) -> bool:
    """Tell whether one more may run in each of the lanes; locks them for this transaction."""
    running = await _lock_and_count(work, {(lane.workflow, lane.name) for lane in lanes})
    return all(running[(lane.workflow, lane.name)] < lane.most for lane in lanes)


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
    for id in sorted(waiting):
        if all(running[(lane.workflow, lane.name)] < lane.most for lane in waiting[id]):
            begun.append(id)
            for lane in waiting[id]:
                running[(lane.workflow, lane.name)] += 1
    if begun:
        await work.transaction.run("enter_lanes", ids=begun)
    for id in begun:
        work.ledger.nudge(ExecutionId(id), "start", {})
