"""Events that came before what they are for: a wait of their execution, or its very start (D10)."""

from collections.abc import Sequence

from engine.ids import ExecutionId, WaitId
from engine.inputs import CancelRequested, EventArrived
from streams.work import Work


async def meet_waits(work: Work, waits: Sequence[str]) -> int:
    """Give kept events to open waits, of all executions where none are named; count those ended."""
    rows = await work.transaction.fetch("meet_signals", wait_ids=list(waits))
    await work.load({row["execution_id"] for row in rows})
    before = len(work.ledger.closed_waits)
    for row in rows:
        given = EventArrived(work.now, WaitId(row["wait_id"]), row["payload"], row["meta"])
        work.apply(ExecutionId(row["execution_id"]), given)
    return len(work.ledger.closed_waits) - before


async def meet_watches(work: Work, executions: Sequence[str]) -> int:
    """Cancel executions whose cancelling event came before them; return how many."""
    rows = await work.transaction.fetch("meet_watches", execution_ids=list(executions))
    await work.load({row["execution_id"] for row in rows})
    return sum(cancel_by_event(work, row["execution_id"], row["meta"]) for row in rows)


def cancel_by_event(work: Work, execution_id: str, meta: "dict[str, object]") -> bool:
    """Cancel an unfinished execution by an event, unless that event started it; tell whether."""
    id = ExecutionId(execution_id)
    execution = work.executions.get(id)
    if execution is None or execution.ended or execution.meta.get("id") == meta["id"]:
        return False
    work.apply(id, CancelRequested(work.now, "cancel_on", f"{meta['type']} {meta['id']}"))
    return True
