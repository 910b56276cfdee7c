"""The three workflows of definitions.md through the topics, every branch taken once."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from actions.definitions import read_definition
from devstack.stack import EmbeddedStack
from tests.acceptance import following
from tests.sink import Sink
from tests.world import ROOT, World, a_world

SPEC = ROOT / "tests" / "corpus" / "definition" / "spec"
NAMES = ("order-approval", "refund", "nightly-credit-review")
RESOURCES = """
customer.history:
  kind: static
  data: {old: {orders_count: 9, email: old@example.com}}
  default: {orders_count: 0, email: new@example.com}
credit.exposure: {kind: static, default: {total: 3000000}}
bank.late_payments: {kind: static, default: {late: 3}}
calm.exposure: {kind: static, default: {total: 5}}
"""
CALM = ("name: nightly-credit-review", "name: calm-review")


@pytest.fixture(scope="module")
def spec(
    stack: EmbeddedStack, sink: Sink, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A deployment of the three, and of the review on a calm day."""
    texts = {f"{name}.yaml": (SPEC / f"{name}.yaml").read_text() for name in NAMES}
    calm = texts["nightly-credit-review.yaml"].replace(*CALM).replace("credit.exp", "calm.exp")
    texts |= {"calm.yaml": calm, "resources.yaml": RESOURCES}
    folder = tmp_path_factory.mktemp("spec")
    urls = {f"SLUICEGATE_SECRET_{name}_URL": f"{sink.url}/{name}" for name in ("ERP", "PSP")}
    with a_world(stack, folder, texts, **urls) as running:
        running.start_worker()
        yield running


class Run:
    """One execution, from its start to its end."""

    def __init__(self, world: World, execution_id: str) -> None:
        self.world, self.id = world, execution_id

    def waits_at(self, step: str) -> dict[str, Any]:
        """Return the waiting record of a step, once it is open."""
        topic = self.world.topic("waiting")
        found = self.world.wait_for(
            lambda r: (
                r.topic == topic
                and r.value is not None
                and r.value["execution_id"] == self.id
                and r.value["status"] == "open"
                and r.value["step_path"].rpartition("/")[2] == step
            ),
            f"a wait of {step} of {self.id}",
        )
        return dict(found.value)

    def decide(self, step: str, outcome: str, by: str = "ana@example.com") -> str:
        """Decide at a step; return the receipt's result."""
        decision = self.world.decide(self.waits_at(step), outcome, decided_by=by, reason="so be it")
        return str(self.world.receipt(decision)["result"])

    def run_out(self, step: str) -> None:
        """Let the time of a wait be over."""
        wait = self.waits_at(step)["wait_id"]
        sql = "update timers set due_at = now() where wait_id = %s and kind = 'expiry' returning id"
        assert self.world.query(sql, wait)

    def ended(self) -> tuple[str, str | None, str | None]:
        """Return status, result and error code, once it has ended."""
        row = following.ended(self.world, self.id)
        return row["status"], row["result"], row["error_code"]


def order(world: World, **more: object) -> Run:
    fields = {"customer_id": "old", "total": 50, "currency": "EUR", "country": "DE", **more}
    data = {"order_id": f"o-{uuid4().hex}", **fields}
    return Run(world, following.begin(world, "order.created", data))


def refund(world: World, amount: int = 100) -> tuple[Run, str]:
    id = f"r-{uuid4().hex}"
    names = ("currency", "customer_name", "order_id", "reason", "requested_by", "email")
    data = {"refund_id": id, "amount": amount, **{name: name for name in names}}
    return Run(world, following.begin(world, "refund.requested", data)), id


def review(world: World, workflow: str) -> Run:
    receipt = following.obeyed(world, following.order(world, "start", workflow=workflow))
    run = Run(world, receipt["execution_id"])
    run.run_out("settle_gap")
    return run


def test_orders_pass_stop_and_are_signed(spec: World, sink: Sink) -> None:
    assert order(spec, country="KP").ended() == ("blocked", "blocked", "embargo")
    assert order(spec).ended() == ("completed", "allowed", None)
    signed = order(spec, total=2000)
    assert signed.decide("manager", "approved") == "applied"
    assert signed.ended() == ("completed", "allowed", None)
    suspect = order(spec, customer_id="new", email="x@mailinator.com")
    assert suspect.decide("manager", "rejected") == "applied"
    assert suspect.ended() == ("blocked", "blocked", "rejected")
    large = order(spec, total=20000)
    large.decide("manager", "approved")
    assert large.decide("director", "approved") == "refused"
    assert large.decide("director", "approved", by="dir@example.com") == "applied"
    assert large.ended() == ("completed", "allowed", None)
    late = order(spec, total=2000)
    late.run_out("manager")
    assert late.ended()[:2] == ("blocked", "blocked")
    assert len([call for call in sink.calls if call.path.startswith("/ERP/orders/")]) == 3


def test_refunds_are_voted_on_escalated_paid_and_chased(spec: World) -> None:
    trivial, _ = refund(spec, 10)
    assert trivial.ended() == ("completed", "allowed", None)
    paid, id = refund(spec)
    assert [paid.decide("finance", "approved", by=by) for by in ("ana", "bo")] == [
        "counted",
        "applied",
    ]
    paid.waits_at("settled")
    spec.publish("psp.refund_settled", {"id": id})
    assert paid.ended() == ("completed", "allowed", None)
    vetoed, _ = refund(spec)
    assert vetoed.decide("finance", "rejected") == "applied"
    assert vetoed.ended() == ("blocked", "blocked", "rejected")
    undecided, _ = refund(spec)
    undecided.run_out("finance")
    undecided.run_out("escalated")
    assert undecided.ended() == ("blocked", "blocked", "undecided")
    unsettled, _ = refund(spec)
    unsettled.run_out("finance")
    assert unsettled.decide("escalated", "approved") == "applied"
    unsettled.run_out("settled")
    assert unsettled.ended() == ("blocked", "blocked", "not_settled")


def test_reviews_gather_and_ask_where_the_picture_is_bad(spec: World) -> None:
    calm = review(spec, "calm-review")
    calm.run_out("stock_counted")
    assert calm.ended() == ("completed", "allowed", None)
    for outcome in ("accept", "reduce_limits", "stop_sales"):
        bad = review(spec, "nightly-credit-review")
        if outcome == "accept":
            bad.run_out("stock_counted")
        else:
            date = bad.waits_at("stock_counted")["match"]["date"]
            spec.publish("warehouse.stock_counted", {"date": date})
        assert bad.decide("risk_team", outcome) == "applied"
        assert bad.ended() == ("completed", "allowed", None)


@pytest.mark.parametrize("name", NAMES)
def test_every_step_of_the_three_has_run(spec: World, name: str) -> None:
    definition = read_definition((SPEC / f"{name}.yaml").read_text(), file=f"{name}.yaml")
    rows = spec.query(
        "select distinct s.step_path from step_executions s "
        "join workflow_executions e on e.id = s.execution_id where e.workflow_name = %s",
        name,
    )
    assert {str(path) for path in definition.steps} == {row["step_path"] for row in rows}
