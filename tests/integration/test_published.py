"""What is published keeps to the AsyncAPI document: every record of every topic of ours."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import jsonschema_rs

from streams.asyncapi import document
from tests.integration.test_api import an_order
from tests.world import Seen, World

DOCUMENT = document("", ("events",))
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
WAITING = """name: {name}
trigger: {{ event: {name} }}
steps:
  - id: both
    parallel:
      branches:
        counted:
          - id: counted
            wait: {{ event: stock.counted, match: {{ sku: "${{sku}}" }}, timeout: 1h }}
        rested:
          - id: rested
            wait: {{ for: 1h }}
"""


def kind_of(record: Seen) -> str:
    """Return which message of the document a record is."""
    topic, value = record.topic.partition(".")[2], record.value
    if topic == "executions":
        return "LifeCycle"
    if topic == "receipts":
        return "CommandReceipt" if "command_id" in value else "Receipt"
    if topic == "waiting":
        open_kinds = {"approval": "ApprovalWaiting", "event": "EventWaiting"}
        return (
            "ClosedWait"
            if value["status"] == "closed"
            else open_kinds.get(value["kind"], "TimerWaiting")
        )
    raise AssertionError(f"{topic} is none of what we publish")


def check(record: Seen, name: str) -> None:
    """Fail unless a record has the payload and the headers of its message."""
    message = MESSAGES[name]
    schema = {**message["payload"], "components": DOCUMENT["components"]}
    jsonschema_rs.validate(schema, record.value)
    headers = {key: value.decode() for key, value in record.headers.items()}
    jsonschema_rs.validate(message["headers"], headers)


# S217 S218
def test_every_record_that_is_published_keeps_to_the_document(shop: World, tmp_path: Path) -> None:
    name = f"waits-{uuid4().hex[:6]}"
    (tmp_path / "w.yaml").write_text(WAITING.format(name=name))
    assert shop.command("apply", str(tmp_path)).returncode == 0
    shop.publish(name, {"sku": "a-1"})
    waits = {kind: shop.waiting(workflow=name, kind=kind) for kind in ("event", "timer")}
    cancelled = shop.command("executions", "cancel", waits["timer"]["execution_id"])
    assert cancelled.returncode == 0, cancelled.stderr
    order = an_order()
    shop.publish("order.created", order)
    request = shop.waiting(order_id=order["order_id"])
    assert shop.receipt(shop.decide(request, kind="comment", reason="odd"))["result"] == "applied"
    assert shop.receipt(shop.decide(request, "odd"))["code"] == "invalid_outcome"
    assert shop.receipt(shop.decide(request))["result"] == "applied"
    shop.life_cycle(request["execution_id"], "execution.completed")
    malformed = f"{{nonsense {uuid4().hex}".encode()
    shop.produce(shop.topic("decisions"), malformed)
    letter = shop.dead_letter(malformed)
    dlq = MESSAGES["DeadLetter"]["headers"]
    jsonschema_rs.validate(dlq, {key: value.decode() for key, value in letter.headers.items()})
    own = {shop.topic(topic) for topic in ("executions", "receipts", "waiting")}
    published = [r for r in shop.all_seen(lambda r: r.topic in own) if r.value is not None]
    found: set[str] = set()
    for record in published:
        kind = kind_of(record)
        check(record, kind)
        found.add(kind)
    assert found == {
        "LifeCycle",
        "Receipt",
        "CommandReceipt",
        "ApprovalWaiting",
        "EventWaiting",
        "TimerWaiting",
        "ClosedWait",
    }
    types = {record.type for record in published if record.topic == shop.topic("executions")}
    assert types <= set(MESSAGES["LifeCycle"]["headers"]["properties"]["ce_type"]["enum"])


def test_what_the_programs_send_keeps_to_the_document(shop: World) -> None:
    order = an_order()
    shop.publish("order.created", order)
    request = shop.waiting(order_id=order["order_id"])
    for arguments in (
        ("approvals", "comment", request["wait_id"], "odd", "--by", "ana"),
        ("approvals", "approve", request["wait_id"], "--by", "ana"),
        ("approvals", "delegate", "bo", "--by", f"ana-{uuid4().hex[:6]}"),
        ("trigger", "order-approval", "--data", json.dumps(an_order())),
    ):
        done = shop.command(*arguments)
        assert done.returncode == 0, done.stderr
    names = {"comment": "Note", "claim": "Note", "reassign": "Note", "delegate": "Grant"}
    for topic in ("commands", "decisions"):
        sent = [
            r
            for r in shop.all_seen(lambda r, topic=topic: r.topic == shop.topic(topic))  # type: ignore[misc]
            if isinstance(r.value, dict) and b"json" in r.headers.get("content-type", b"")
        ]
        assert sent
        for record in sent:
            kind = "Command" if topic == "commands" else "Decision"
            name = names.get(str(record.value.get("kind")), kind) if topic == "decisions" else kind
            check(record, name)
