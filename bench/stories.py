"""What happens in the seeded deployment: a few stories, played for real and then multiplied."""

import json
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parent.parent / "examples"
EXTRA = {
    "refund.yaml": """
name: refund-approval
labels: { team: finance }
trigger: { event: refund.requested, key: "${refund_id}" }
steps:
  - id: finance
    approval:
      title: "Refund ${amount} EUR to ${customer}"
      body: "Order **${order_id}**: ${reason}"
      roles: [finance]
      users: [ana@example.com]
      policy: { n_of: 2, veto: true }
      exclude: ["${requested_by}"]
      expires_in: 20d
    on_rejected:
      - id: refused
        block: { code: rejected, reason: "${approvals.finance.reason}" }
  - id: pay
    execute: [ { emit: { event: refund.paid, data: { refund_id: "${refund_id}" } } } ]
  - id: finished
    allow: { reason: "Refunded ${amount} EUR" }
""",
    "contract.yaml": """
name: contract-signature
labels: { team: legal, region: emea }
trigger: { event: contract.drafted, key: "${contract_id}" }
steps:
  - id: counsel
    approval:
      title: "Contract ${contract_id} with ${party}"
      roles: [general-counsel]
      users: [lea@example.com]
      expires_in: 25d
  - id: filed
    execute:
      - create_record: { entity: contract, id: "${contract_id}", set: { party: "${party}" } }
""",
    "probation.yaml": """
name: probation-end
trigger: { event: employee.hired, key: "${employee_id}" }
steps:
  - id: half_a_year
    wait: { for: 180d }
  - id: done
    allow: {}
""",
    "notice.yaml": """
name: partner-notice
trigger: { event: partner.changed, key: "${partner_id}" }
steps:
  - id: tell
    execute: [ { webhook: { url: "http://127.0.0.1:9/", json: { partner: "${partner_id}" } } } ]
""",
    "survey.yaml": """
name: quick-survey
trigger: { event: survey.asked, key: "${survey_id}" }
steps:
  - id: answer
    approval: { title: "Survey ${survey_id}", anyone: true, expires_in: 1s }
""",
    "import.yaml": """
name: file-import
trigger: { event: file.received }
steps:
  - id: load
    execute:
      - create_record: { entity: file, id: the-only-one, set: { name: "${name}" } }
""",
}


def definitions() -> dict[str, str]:
    """Return the texts of the deployment's workflows and resources."""
    files = (*EXAMPLES.glob("*.yaml"),)
    texts = {file.name: file.read_text() for file in files if ".test." not in file.name}
    return texts | EXTRA


@dataclass(frozen=True, slots=True)
class Story:
    """An event, and what people and operators do until the execution stands where it stays."""

    type: str
    data: Mapping[str, object]
    share: float
    """Weight among the stories that end, or among those that stay open."""
    answers: tuple[str, ...] = ()
    """Outcomes given to whatever is asked, one after the other."""
    command: str | None = None
    until: tuple[str, ...] = ()
    """Statuses one of which it comes to by itself."""
    stays: bool = False
    """Whether it ends with an approval that waits for somebody."""


ORDER = {"customer_id": "c-77", "currency": "EUR", "country": "DE", "total": 4650}
CLAIM = {"employee": "bo@example.com", "purpose": "Train to Lyon", "currency": "EUR"}
REFUND = {"amount": 80, "customer": "Cy", "reason": "broken", "requested_by": "dora@example.com"}
CONTRACT = {"party": "Miller & Sons"}
STORIES = (
    Story("order.created", ORDER | {"total": 120}, 40),
    Story("order.created", ORDER, 12, ("approved",)),
    Story("order.created", ORDER, 2, ("rejected",)),
    Story("order.created", ORDER | {"country": "KP"}, 1),
    Story("order.created", ORDER | {"total": 20_000}, 1, ("approved", "approved")),
    Story("order.created", ORDER, 0.5, command="cancel"),
    Story("expense.submitted", CLAIM | {"amount": 20}, 10),
    Story("expense.submitted", CLAIM | {"amount": 90}, 1, ("approved",)),
    Story("expense.submitted", CLAIM | {"amount": 90}, 1, ("rejected",)),
    Story("stock.counted", {"sku": "A-1", "level": 3}, 12),
    Story("stock.counted", {"sku": "A-1", "level": 99}, 12),
    Story("refund.requested", REFUND, 4, ("approved", "approved")),
    Story("contract.drafted", CONTRACT, 0.02, ("approved",)),
    Story("employee.hired", {"name": "Kim"}, 1),
    Story("file.received", {"name": "a.csv"}, 2),
    Story("order.created", ORDER, 0.01, command="hold"),
    Story("partner.changed", {}, 2, until=("failed",)),
    Story("survey.asked", {}, 1, until=("blocked", "failed")),
    Story("order.created", ORDER, 70, stays=True),
    Story("order.created", ORDER | {"total": 20_000}, 5, ("approved",), stays=True),
    Story("expense.submitted", CLAIM | {"amount": 90}, 10, stays=True),
    Story("refund.requested", REFUND, 9.95, stays=True),
    Story("refund.requested", REFUND, 5, ("approved",), stays=True),
    Story("contract.drafted", CONTRACT, 0.05, stays=True),
)
NAMED = (
    "order_id",
    "claim_id",
    "refund_id",
    "contract_id",
    "employee_id",
    "partner_id",
    "survey_id",
)


def name_of(number: int) -> str:
    """Return the word that stands for a story wherever its execution is named."""
    return f"TPL{number:03d}"


class Teller:
    """Plays stories through the HTTP interface."""

    def __init__(self, url: str) -> None:
        self.url = url

    def post(self, path: str, body: object) -> Any:
        """Send JSON and return the answer."""
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=40) as answer:
            return json.load(answer)

    def get(self, path: str) -> Any:
        """Return what the interface answers."""
        with urllib.request.urlopen(f"{self.url}/api/v1{path}", timeout=20) as answer:
            return json.load(answer)

    def tell(self, number: int, story: Story) -> str:
        """Play one story; return its execution's id."""
        name = name_of(number)
        data = {**dict.fromkeys(NAMED, name), **story.data}
        event = {"type": story.type, "data": data, "id": f"{name}-event"}
        told = self.post("/events?wait=20", event)
        [run] = told["executions"]
        id: str = run["execution_id"]
        for count, outcome in enumerate(story.answers):
            self._answer(id, f"{name}-{count}", outcome)
        if story.command:
            self.post(f"/executions/{id}/{story.command}?wait=20", {"by": "ops"})
        deadline = time.monotonic() + 30
        while story.until and self.get(f"/executions/{id}")["status"] not in story.until:
            if time.monotonic() > deadline:
                raise SystemExit(f"{id} does not become {' or '.join(story.until)}")
            time.sleep(0.2)
        return id

    def _answer(self, id: str, decision_id: str, outcome: str) -> None:
        trace = self.get(f"/executions/{id}/trace")
        [wait] = [wait["wait_id"] for wait in trace["waits"] if wait["status"] == "open"]
        cost = {"cost_center": "travel"} if "cost_center" in self._form(wait) else {}
        decision = {
            "outcome": outcome,
            "decided_by": f"{decision_id}@example.com",
            "decision_id": decision_id,
            "reason": "as agreed",
            "form": cost,
        }
        self.post(f"/approvals/{wait}/decision?wait=20", decision)

    def _form(self, wait: str) -> Mapping[str, object]:
        form: Mapping[str, object] = self.get(f"/approvals/{wait}")["record"]["form"] or {}
        return form
