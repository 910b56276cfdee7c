"""Commands that produce: an event, a decision."""

import asyncio
import getpass
import json
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from cli.errors import FAILED, OK, USAGE, NotFound, fail
from cli.parts import open_producer, open_store, settings_for_both
from cli.show import print_json

RECEIPT_SECONDS = 10.0


def read_data(text: str) -> dict[str, Any]:
    """Return a JSON object given as text, as `@file`, or as `-` for standard input."""
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        path = Path(text[1:])
        if not path.is_file():
            fail(f"{path} is no file", USAGE)
        text = path.read_text("utf-8")
    try:
        value = json.loads(text)
    except ValueError as problem:
        fail(f"--data is no JSON: {problem}", USAGE)
    if not isinstance(value, dict):
        fail("--data must be a JSON object: {...}", USAGE)
    return value


async def send_event(
    type: str, data: dict[str, Any], key: str | None, id: str | None, topic: str | None
) -> int:
    """Publish an event and print its id."""
    from config.settings import load_settings
    from streams.codecs import Outgoing

    settings = load_settings()
    event_id = id or uuid4().hex
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_source": "/cli",
        "ce_type": type,
        "content-type": "application/json",
    }
    target = topic or settings.event_topics[0]
    async with open_producer(settings) as out:
        await out.send([Outgoing(target, key or event_id, json.dumps(data), headers)])
    sys.stdout.write(f"{event_id}\n")
    return OK


async def decide(
    request_id: str,
    outcome: str | None,
    by: str | None,
    reason: str | None,
    form: dict[str, Any],
    as_json: bool,
) -> int:
    """Send a decision, wait for its receipt, and print it; returns the exit code."""
    from storage.reading import Reading
    from streams.codecs import Outgoing
    from streams.topics import Topics

    settings = settings_for_both()
    async with open_store(settings) as store, open_producer(settings) as out:
        reading = Reading(store)
        approval = await reading.approval(request_id)
        if approval is None:
            raise NotFound(f"the approval request {request_id} does not exist")
        record = approval["record"]
        decision = {
            "decision_id": uuid4().hex,
            "execution_id": record["execution_id"],
            "request_id": request_id,
            "outcome": outcome or record["outcomes"][0],
            "decided_by": by or getpass.getuser(),
            "reason": reason,
            "form": form,
        }
        topic = Topics(settings.topic_prefix).decisions
        await out.send([Outgoing(topic, record["execution_id"], json.dumps(decision), {})])
        receipt = await _await_receipt(reading, decision["decision_id"])
    return _print_receipt(receipt, decision, as_json)


async def _await_receipt(reading: Any, decision_id: str) -> dict[str, Any] | None:
    deadline = time.monotonic() + RECEIPT_SECONDS
    while time.monotonic() < deadline:
        receipt: dict[str, Any] | None = await reading.receipt(decision_id)
        if receipt is not None:
            return receipt
        await asyncio.sleep(0.05)
    return None


def _print_receipt(receipt: dict[str, Any] | None, decision: dict[str, Any], as_json: bool) -> int:
    if receipt is None:
        fail(f"no answer within {RECEIPT_SECONDS:g} s; the decision is sent: is a worker running?")
    if as_json:
        print_json(receipt)
    elif receipt["result"] == "refused":
        fail(f"refused ({receipt['code']}): {receipt['message']}")
    else:
        sys.stdout.write(f"{receipt['result']}: {receipt['message']}\n")
    del decision
    return FAILED if receipt["result"] == "refused" else OK
