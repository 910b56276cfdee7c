"""Dead letters in a terminal: listed, shown, replayed, discarded."""

import getpass
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import typer

from cli.errors import FAILED, NOT_FOUND, OK, USAGE, NotFound, fail
from cli.given import read_past
from cli.parts import open_producer, open_store, settings_for_both, settings_for_database
from cli.printing import complain, write
from cli.show import print_fields, print_json, print_page, tracked
from storage.dead_letters import (
    Asked,
    DeadLetterFilter,
    DeadLetterRows,
    NoDeadLetter,
    NotOpen,
    NotWhole,
    Settlement,
)

COLUMNS = {
    "id": "id",
    "status": "status",
    "topic": "topic",
    "partition": "partition",
    "record_offset": "offset",
    "error_type": "reason",
    "error_message": "message",
    "failed_at": "at",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which dead letters to settle: those named, or the open ones that a filter finds."""

    ids: tuple[int, ...]
    wanted: DeadLetterFilter
    sure: bool


def filter_of(topic: str | None, error_type: str | None, since: str | None) -> DeadLetterFilter:
    """Return the filter of the options; `since` is an instant or a length of time ago."""
    at = read_past(since, "--since")
    return DeadLetterFilter(topic, error_type, at)


def asked_by(by: str | None, reason: str | None) -> Asked:
    """Return who asks; by default the login."""
    return Asked(by or getpass.getuser(), reason)


async def print_list(
    wanted: DeadLetterFilter, status: str | None, limit: int, cursor: str | None, as_json: bool
) -> None:
    """Print dead letters, newest first."""
    async with open_store(settings_for_database()) as store:
        page = await DeadLetterRows(store).page(wanted, status, limit, cursor)
    print_page(page, COLUMNS, "No dead letters.", as_json=as_json)


async def print_one(id: int, as_json: bool) -> None:
    """Print one with its bytes and what was done about it."""
    from streams.redrive import readable_letter

    async with open_store(settings_for_database()) as store:
        try:
            letter = await DeadLetterRows(store).find(id)
        except NoDeadLetter as problem:
            listed = "`sluicegate dead-letters list` shows those there are"
            raise NotFound(f"{problem}; {listed}") from None
    shown = readable_letter(letter)
    if as_json:
        print_json(shown)
    else:
        print_fields(shown)


async def settle(how: Settlement, choice: Choice, asked: Asked, as_json: bool) -> int:
    """Replay or discard what was chosen; returns the exit code."""
    from streams.redrive import discard, replay

    settings = settings_for_both() if how == "replay" else settings_for_database()
    async with AsyncExitStack() as stack:
        rows = DeadLetterRows(await stack.enter_async_context(open_store(settings)))
        ids = await _chosen(rows, choice, how)
        if how == "replay" and ids:
            out = await stack.enter_async_context(open_producer(settings))
        done: list[int] = []
        refused: dict[int, NotOpen | NotWhole | NoDeadLetter] = {}
        for id in tracked(ids, "Replaying" if how == "replay" else "Discarding"):
            try:
                await (
                    replay(rows, out, id, asked) if how == "replay" else discard(rows, id, asked)
                )
                done.append(id)
            except (NotOpen, NotWhole, NoDeadLetter) as problem:
                refused[id] = problem
    return _report(how, done, refused, as_json)


async def _chosen(rows: DeadLetterRows, choice: Choice, how: Settlement) -> list[int]:
    """Return the ids to settle, oldest first; ends the command unless that is certain."""
    if choice.ids:
        return sorted(set(choice.ids))
    if choice.wanted.is_empty:
        fail(f"name what to {how}: ids, --topic, --error-type or --since", USAGE)
    ids = await rows.open_ids(choice.wanted)
    if not ids or choice.sure:
        return ids
    question = f"{how} {len(ids)} dead letters?"
    if not sys.stdin.isatty():
        fail(f"{len(ids)} dead letters match; add --yes to {how} them", USAGE)
    return ids if typer.confirm(question) else []


def _report(
    how: Settlement,
    done: list[int],
    refused: Mapping[int, NotOpen | NotWhole | NoDeadLetter],
    as_json: bool,
) -> int:
    name = "replayed" if how == "replay" else "discarded"
    if as_json:
        print_json({name: done, "refused": [{"id": i, "why": str(w)} for i, w in refused.items()]})
    else:
        write(f"{len(done)} dead letter{'s' * (len(done) != 1)} {name}\n")
        for why in refused.values():
            complain(f"sluicegate: {why}\n")
    if not refused:
        return OK
    is_unknown = all(isinstance(why, NoDeadLetter) for why in refused.values())
    return NOT_FOUND if is_unknown and not done else FAILED
