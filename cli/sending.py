"""Commands that produce: an event, a decision."""

import asyncio
import getpass
import json
import sys
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from cli.errors import FAILED, NOT_FOUND, OK, NotFound, fail
from cli.parts import open_producer, open_store, settings_for_both
from cli.show import print_json

RECEIPT_SECONDS = 10.0
UNKNOWN = frozenset({"unknown", "unknown_workflow"})


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
    from storage.answering import Answering
    from storage.reading import Reading
    from streams.issuing import decision_record
    from streams.topics import Topics

    settings = settings_for_both()
    async with open_store(settings) as store, open_producer(settings) as out:
        approval = await Reading(store).approval(request_id)
        if approval is None:
            raise NotFound(missing_request(request_id))
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
        await out.send([decision_record(topic, decision, record["execution_id"])])
        receipt = await await_receipt(Answering(store), decision["decision_id"])
    return print_receipt(receipt, as_json)


def missing_request(id: str) -> str:
    """Return what to say of a request that does not exist."""
    return (
        f"the approval request {id} does not exist; "
        "`sluicegate approvals list --status any` shows those there are"
    )


async def await_receipt(answering: Any, id: str) -> dict[str, Any]:
    """Return the receipt of what was sent; ends the command if none comes in time."""
    deadline = time.monotonic() + RECEIPT_SECONDS
    while (found := await answering.receipt(id)) is None:
        if time.monotonic() > deadline:
            fail(
                f"no answer to {id} in {RECEIPT_SECONDS:g} s; it is sent: is a worker running? "
                "`sluicegate lag` shows who reads"
            )
        await asyncio.sleep(0.05)
    receipt: dict[str, Any] = found
    return receipt


def print_receipt(receipt: Mapping[str, Any], as_json: bool) -> int:
    """Print a receipt; returns the exit code."""
    refused = receipt["result"] == "refused"
    if as_json:
        print_json(receipt)
    elif not refused:
        sys.stdout.write(f"{receipt['result']}: {receipt['message']}\n")
    if not refused:
        return OK
    code = NOT_FOUND if receipt["code"] in UNKNOWN else FAILED
    if not as_json:
        fail(f"refused ({receipt['code']}): {receipt['message']}", code)
    return code
