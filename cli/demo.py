"""`sluicegate demo`: the main job as a story, on the embedded stack."""

import asyncio
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from cli.dev import an_order, send, stop_on_signals
from cli.errors import FAILED, OK, fail
from cli.local import Interrupted, Local, Phases, is_terminal, packaged_examples
from cli.printing import write
from devstack.processes import StackFailed

PATIENCE_SECONDS = 20.0


def run_demo(once: bool, data_dir: Path | None, port: int, ready_file: Path | None) -> int:
    """Play the story; returns the exit code."""
    stop, phases = stop_on_signals(), Phases()
    play_approver = once or not is_terminal()
    with _data_dir(data_dir) as folder:
        try:
            local = Local(
                folder,
                packaged_examples(),
                port=port,
                ready_file=ready_file,
                workers=1,
                phases=phases,
                stop=stop,
            )
        except StackFailed as problem:
            fail(str(problem))
        try:
            local.start()
            story = Story(local, phases)
            story.tell()
            if play_approver:
                return story.decide()
            write(f"\nDecide it at {story.link}, then look at the trace. Ctrl-C ends.\n")
            local.supervisor.watch(stop, lambda name: phases.say(f"{name} was started again"))
        except Interrupted:
            phases.say("stopped while starting")
        except StackFailed as problem:
            fail(str(problem))
        finally:
            local.stop()
    return stop.code


@contextmanager
def _data_dir(named: Path | None) -> Iterator[Path]:
    if named is not None:
        yield named.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="sluicegate-demo-") as folder:
        yield Path(folder)


class Story:
    """Three orders: one small, one embargoed, one that waits for a person."""

    def __init__(self, local: Local, phases: Phases) -> None:
        self._local, self._phases = local, phases
        self._approval: dict[str, Any] = {}

    @property
    def link(self) -> str:
        """Where the waiting order can be decided."""
        return f"{self._local.url}/approvals/{self._approval['request_id']}"

    def tell(self) -> None:
        """Publish the orders and show who waits for whom."""
        large = an_order()
        send(self._local, "order.created", large)
        self._phases.say(f"published order {large['order_id']}: 4650 EUR, to be approved")
        self._approval = self._await_approval(str(large["order_id"]))
        record = self._approval["record"]
        self._phases.say(f"first execution paused: {record['execution_id']}")
        for total, country, text in ((120, "DE", "small"), (900, "KP", "under embargo")):
            order = an_order(total=total, country=country)
            send(self._local, "order.created", order)
            self._phases.say(f"published order {order['order_id']}: {total} EUR, {text}")
            self._say_end(str(order["order_id"]))
        roles = ", ".join(record["roles"])
        write(
            f"\n  {record['title']}\n"
            f"  execution  {record['execution_id']}\n"
            f"  waits for  {roles} until {record['expires_at']}\n"
            f"  decide at  {self.link}\n"
            f"  or produce a decision onto sluicegate.decisions at "
            f"{self._local.stack.addresses.kafka}\n\n"
        )

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        async def ask() -> Any:
            from storage.reading import Reading
            from storage.store import PostgresStore

            store = PostgresStore(self._local.settings.database, pool_size=2)
            await store.open()
            try:
                deadline = time.monotonic() + PATIENCE_SECONDS
                while time.monotonic() < deadline:
                    found = await question(Reading(store))
                    if found is not None:
                        return found
                    await asyncio.sleep(0.02)
                raise StackFailed("the worker did not get on; see worker-0.log in the data folder")
            finally:
                await store.close()

        return asyncio.run(ask())

    def _await_approval(self, order_id: str) -> dict[str, Any]:
        async def find(reading: Any) -> dict[str, Any] | None:
            page = await reading.approvals()
            return next(
                (row for row in page.items if row["record"]["view"].get("order_id") == order_id),
                None,
            )

        found: dict[str, Any] = self._ask(find)
        return found

    def _say_end(self, order_id: str) -> None:
        """Tell how an order ended that needs nobody."""
        from storage.reading import ExecutionFilter

        async def find(reading: Any) -> dict[str, Any] | None:
            page = await reading.executions(ExecutionFilter(key=order_id))
            return next((row for row in page.items if row["completed_at"] is not None), None)

        row = self._ask(find)
        reason = f": {row['error_message']}" if row["error_message"] else f" ({row['result']})"
        self._phases.say(f"order {order_id}: {row['status']}{reason}")

    def decide(self) -> int:
        """Approve as any UI would: a record on the decisions topic; then print the trace."""
        from cli.tracing import print_trace
        from streams.definitions import Definitions
        from streams.tracing import trace_of

        execution_id = self._approval["record"]["execution_id"]
        decided_at = asyncio.run(self._produce_decision())
        self._phases.say("produced the decision: approved by ana@example.com, discount 5 %")

        async def ended(reading: Any) -> dict[str, Any] | None:
            trace: dict[str, Any] | None = await trace_of(
                reading, Definitions(reading), execution_id
            )
            done = trace is not None and trace["execution"]["completed_at"] is not None
            return trace if done else None

        trace = self._ask(ended)
        took = (time.monotonic() - decided_at) * 1000
        self._phases.say(f"the execution ended, {took:.0f} ms after the decision\n")
        print_trace(trace)
        return OK if trace["execution"]["status"] == "completed" else FAILED

    async def _produce_decision(self) -> float:
        """Produce the decision; return when the broker had it."""
        from streams.codecs import Outgoing
        from streams.producer import KafkaOut

        record = self._approval["record"]
        decision = {
            "decision_id": uuid4().hex,
            "execution_id": record["execution_id"],
            "request_id": record["wait_id"],
            "outcome": "approved",
            "decided_by": "ana@example.com",
            "reason": "a good customer",
            "form": {"discount_pct": 5},
        }
        out = KafkaOut(self._local.stack.addresses.kafka, linger_ms=0)
        topic = f"{self._local.settings.topic_prefix}decisions"
        await out.send([Outgoing(topic, record["execution_id"], json.dumps(decision))])
        decided_at = time.monotonic()
        await out.close()
        return decided_at
