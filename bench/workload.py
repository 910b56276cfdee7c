"""Workload W (performance.md): condition, no-op action, approval; decision, no-op action."""

import json
from uuid import uuid4

DEFINITION = """\
name: bench
trigger: { event: bench.asked }
steps:
  - id: large
    condition: { amount: { gt: 100 } }
    on_true:
      - id: noted
        execute: [{ log: { level: debug, message: noted } }]
      - id: ask
        approval: { title: "Order ${order_id}", roles: [manager] }
      - id: settled
        execute: [{ log: { level: debug, message: settled } }]
"""


def an_event(number: int) -> bytes:
    """Return about 275 bytes of JSON."""
    return json.dumps(
        {
            "order_id": f"order-{number:012d}",
            "customer_id": f"customer-{number % 1000:06d}",
            "amount": 101 + number % 1000,
            "currency": "EUR",
            "country": "DE",
            "email": f"person{number % 1000}@example.com",
            "note": "Please deliver to the back door, the bell does not work at the moment.",
            "items": 3,
        }
    ).encode()


def a_decision(execution_id: str, request_id: str) -> bytes:
    """Return an approval."""
    return json.dumps(
        {
            "decision_id": uuid4().hex,
            "execution_id": execution_id,
            "request_id": request_id,
            "outcome": "approved",
            "decided_by": "bench@example.com",
        }
    ).encode()
