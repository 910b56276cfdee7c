"""Commands that ask something of an execution or a request, or start a workflow."""

import asyncio
import getpass
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from cli.errors import FAILED, OK, USAGE, NotFound, fail
from cli.parts import open_producer, open_store, settings_for_both
from cli.printing import write_line
from cli.sending import await_receipt, missing_request, print_receipt
from cli.show import print_json
from engine.effects import Refuse
from engine.ids import public_id
from engine.steps.approval import instant_text
from storage.answering import Answering
from storage.reading import Reading
from streams.codecs import Outgoing, encode_command
from streams.issuing import (
    decision_record,
    delegation,
    key_of_start,
    new_command,
    note,
    refusal,
    refusal_of_note,
    refusal_of_start,
)
from streams.messages import Command, CommandKind, started_id
from streams.producer import KafkaOut
from streams.topics import Topics

END_SECONDS = 30.0
"""How long `trigger --wait` waits for the execution."""
STOPPED = frozenset({"blocked", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Line:
    """What an open command line reads from and produces to."""

    reading: Reading
    answering: Answering
    out: KafkaOut
    topics: Topics


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks and why, whether to wait for the answer, and how to print it."""

    by: str | None
    reason: str | None
    wait: bool
    as_json: bool

    @property
    def name(self) -> str:
        """Who asks; by default the login."""
        return self.by or getpass.getuser()


@asynccontextmanager
async def open_line() -> AsyncIterator[Line]:
    """Open database and broker."""
    settings = settings_for_both()
    async with open_store(settings) as store, open_producer(settings) as out:
        yield Line(Reading(store), Answering(store), out, Topics(settings.topic_prefix))


def build(kind: CommandKind, asker: Asker, **named: Any) -> Command:
    """Return a command; ends with a usage error where an option does not fit."""
    from pydantic import ValidationError

    from streams.codecs import problem_text

    try:
        return new_command(kind, uuid4().hex, asker.name, reason=asker.reason, **named)
    except ValidationError as problem:
        fail(problem_text(problem), USAGE)


def print_refusal(problem: Refuse, as_json: bool) -> int:
    """Print a refusal that needs no receipt; returns the exit code."""
    answer = {"result": "refused", "code": problem.code, "message": problem.message}
    return print_receipt(answer, as_json)


async def command_execution(
    kind: CommandKind, id: str, data: Mapping[str, object], asker: Asker
) -> int:
    """Send a command about an execution and print what became of it; returns the exit code."""
    async with open_line() as line:
        target = await line.reading.command_target(id)
        if target is None:
            raise NotFound(
                f"the execution {id} does not exist; `sluicegate executions list` shows the newest"
            )
        problem = refusal(kind, target)
        if problem is not None:
            return print_refusal(problem, asker.as_json)
        command = build(
            kind, asker, execution_id=target["id"], workflow=target["workflow"], data=data
        )
        await line.out.send([encode_command(command, line.topics.commands)])
        receipt = await await_receipt(line.answering, command.command_id) if asker.wait else None
    sent: dict[str, object] = {"command_id": command.command_id, "execution_id": id}
    if kind == "rerun":
        new = public_id(started_id(command))
        sent = {**sent, "execution_id": new, "rerun_of": target["execution_id"]}
    return _print_sent(sent, receipt, asker.as_json)


def _print_sent(
    sent: Mapping[str, object], receipt: Mapping[str, Any] | None, as_json: bool
) -> int:
    """Print the receipt, or the ids while there is none."""
    if receipt is not None and receipt["result"] == "refused":
        return print_receipt(receipt, as_json)
    if as_json:
        print_json({**(receipt or {}), **sent})
        return OK
    started = "rerun_of" in sent or "workflow" in sent
    if receipt is None or started:
        write_line(f"{sent['execution_id' if started else 'command_id']}")
    return OK if receipt is None else print_receipt(receipt, as_json)


async def start_workflow(
    workflow: str, payload: Mapping[str, object], match: bool, asker: Asker
) -> int:
    """Start an execution by hand; with `wait`, print how it ended; returns the exit code."""
    from actions.stored import compile_stored

    async with open_line() as line:
        row = await line.reading.workflow(workflow)
        if row is None:
            raise NotFound(
                f"no workflow is called {workflow}; "
                "`sluicegate workflows list` shows those there are"
            )
        definition = compile_stored(row["body"], file=row["file"], version=row["version"])
        problem = refusal_of_start(definition, payload)
        if problem is not None:
            return print_refusal(problem, asker.as_json)
        data = {"payload": dict(payload), "match": match}
        command = build("start", asker, workflow=workflow, data=data)
        key = key_of_start(definition, payload, command.command_id)
        await line.out.send([encode_command(command, line.topics.commands, key)])
        id = public_id(started_id(command))
        sent = {"command_id": command.command_id, "execution_id": id, "workflow": workflow}
        if not asker.wait:
            return _print_sent(sent, None, asker.as_json)
        receipt = await await_receipt(line.answering, command.command_id)
        if receipt["result"] == "refused":
            return print_receipt(receipt, asker.as_json)
        settled = await _await_end(line.answering, receipt["execution_id"] or id)
    return _print_end({**sent, **settled}, asker.as_json)


async def start_schedule(name: str, asker: Asker) -> int:
    """Start what a schedule starts, now; returns the exit code."""
    async with open_line() as line:
        found = await line.reading.schedule(name)
    if found is None:
        raise NotFound(
            f"the schedule {name} does not exist; `sluicegate schedules list` shows those there are"
        )
    slot = instant_text(datetime.now(UTC).replace(microsecond=0))
    payload = {"schedule": name, "slot": slot}
    return await start_workflow(found["workflow"], payload, match=False, asker=asker)


async def _await_end(answering: Answering, id: str) -> dict[str, Any]:
    deadline = time.monotonic() + END_SECONDS
    question = ("execution", id)
    while (found := (await answering.answers([question])).get(question)) is None:
        if time.monotonic() > deadline:
            fail(f"{id} goes on after {END_SECONDS:g} s; see `sluicegate executions show {id}`")
        await asyncio.sleep(0.05)
    return found


def _print_end(execution: Mapping[str, Any], as_json: bool) -> int:
    if as_json:
        print_json(execution)
    else:
        about = execution["result"] or execution["paused_reason"]
        told = f" ({about})" if about else ""
        write_line(f"{execution['execution_id']}: {execution['status']}{told}")
        if execution["error_message"]:
            write_line(f"{execution['error_code']}: {execution['error_message']}")
    return FAILED if execution["status"] in STOPPED else OK


async def note_request(kind: str, request_id: str, asker: Asker, **said: object) -> int:
    """Send a comment, claim or reassignment; returns the exit code."""
    async with open_line() as line:
        approval = await line.reading.approval(request_id)
        if approval is None:
            raise NotFound(missing_request(request_id))
        problem = refusal_of_note(kind, approval)
        if problem is not None:
            return print_refusal(problem, asker.as_json)
        id, record = uuid4().hex, approval["record"]
        value = note(kind, id, record, asker.name, **{"reason": asker.reason, **said})
        message = decision_record(line.topics.decisions, value, record["execution_id"])
        return await _send_note(line, id, message, asker)


async def delegate(to: str, since: str | None, until: str | None, asker: Asker) -> int:
    """Let somebody decide on the asker's behalf, for a period; returns the exit code."""
    from cli.given import read_instant

    period = read_instant(since, "--from"), read_instant(until, "--until")
    async with open_line() as line:
        id = uuid4().hex
        value = delegation(id, asker.name, to, *period, asker.reason)
        return await _send_note(
            line, id, decision_record(line.topics.decisions, value, None), asker
        )


async def _send_note(line: Line, id: str, message: Outgoing, asker: Asker) -> int:
    await line.out.send([message])
    if asker.wait:
        return print_receipt(await await_receipt(line.answering, id), asker.as_json)
    if asker.as_json:
        print_json({"decision_id": id})
    else:
        write_line(id)
    return OK
