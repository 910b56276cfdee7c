"""Commands that produce: an event, a decision."""

import asyncio
import getpass
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from cli.errors import FAILED, NOT_FOUND, OK, USAGE, NotFound, fail
from cli.parts import FIRST_CONTACT_SECONDS, open_producer, open_store, settings_for_both
from cli.printing import write_line
from cli.show import print_json
from config.settings import Settings

RECEIPT_SECONDS = 10.0
LONGEST_NAME = 255
UNKNOWN = frozenset({"unknown", "unknown_workflow"})


async def send_event(
    type: str, data: dict[str, Any], key: str | None, id: str | None, topic: str | None
) -> int:
    """Publish an event and print its id; what no worker would take is refused."""
    from config.settings import load_settings
    from streams.codecs import Outgoing, encode
    from streams.json_check import MAX_EVENT_BYTES

    settings = load_settings()
    for name, given in (("the event type", type), ("--id", id)):
        if given is not None and not 1 <= len(given) <= LONGEST_NAME:
            fail(f"{name} must have 1 to {LONGEST_NAME} characters", USAGE)
    value = encode(data, MAX_EVENT_BYTES)
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
        await _require_topic(settings, target)
        await out.send([Outgoing(target, key or event_id, value, headers)])
    write_line(event_id)
    return OK


async def _require_topic(settings: Settings, name: str) -> None:
    """End the command unless the topic is there: some brokers would make it at the first record."""
    from streams.admin import Admin

    if name.startswith("~"):
        fail("the first event topic is a pattern; name one with --topic", USAGE)
    admin = Admin(settings.kafka, settings.kafka_security(), seconds=FIRST_CONTACT_SECONDS)
    if not await admin.partitions([name]):
        raise NotFound(
            f"Kafka at {settings.kafka} has no topic {name}; SLUICEGATE_EVENT_TOPICS names yours, "
            "`sluicegate migrate --topics` makes those"
        )


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
        write_line(f"{receipt['result']}: {receipt['message']}")
    if not refused:
        return OK
    code = NOT_FOUND if receipt["code"] in UNKNOWN else FAILED
    if not as_json:
        fail(f"refused ({receipt['code']}): {receipt['message']}", code)
    return code
