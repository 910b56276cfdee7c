"""Dead letters: what could not be taken, why, its original bytes; produced again or given up."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.parts import Cursor, Parts, PartsDep
from api.screens.page import MAX_NAME, Person, missing, page, person_of, query, remember, typed_in
from api.screens.values import MASK, is_secret, masked_text
from api.screens.wording import visible
from engine.ids import ExecutionId, public_id
from storage.dead_letters import (
    LAST_ID,
    Asked,
    DeadLetterFilter,
    DeadLetterRows,
    NoDeadLetter,
    NotOpen,
    NotWhole,
)
from streams.producer import PublishFailed
from streams.redrive import discard, replay

router = APIRouter()
ROWS = 50
MAX_BYTES = 4_096
MAX_REASON = 2_000
STATUSES = ("open", "replayed", "discarded")
Number = Annotated[int, Path(ge=1, le=LAST_ID)]
Chosen = Annotated[str | None, Query(max_length=20)]


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes as people can read them."""

    size: int
    text: str
    """Decoded, where they are UTF-8; what would show nothing stands by its number."""
    dump: str
    """In hexadecimal, where they are not."""
    cut: bool


def bytes_of(value: bytes | None) -> Bytes | None:
    """Return bytes as text where they are text, otherwise as numbers; None for no bytes."""
    if value is None:
        return None
    part = bytes(value[:MAX_BYTES])
    cut = len(value) > MAX_BYTES
    try:
        text = part.decode("utf-8")
    except UnicodeDecodeError as problem:
        # A character that is cut in half at the end is no reason to show numbers.
        if not cut or problem.start < len(part) - 4:
            return Bytes(len(value), "", _dump(part[:1_024]), len(value) > 1_024)
        text = part[: problem.start].decode("utf-8")
    return Bytes(len(value), visible(masked_text(text)), "", cut)


def _dump(value: bytes) -> str:
    lines = []
    for at in range(0, len(value), 16):
        row = value[at : at + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{at:06x}  {row.hex(' '):<47}  {shown}")
    return "\n".join(lines)


def headers_of(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the headers of a record by name, as text."""
    found = []
    for item in row["headers"] or []:
        name, encoded = item
        value = bytes_of(None if encoded is None else b64decode(encoded))
        text = "" if value is None else value.text or value.dump
        text = MASK if text and is_secret(name) else text
        found.append((visible(name), text))
    return found


@router.get("/dead-letters")
async def dead_letters(
    request: Request, parts: PartsDep, status: Chosen = "open", cursor: Cursor = None
) -> Response:
    """Show what could not be taken, newest first."""
    known = status if status in STATUSES else None
    wrong = "" if status in (None, "", "any", *STATUSES) else f"There is no status {status}."
    found = await DeadLetterRows(parts.store).page(DeadLetterFilter(), known, ROWS, cursor)
    data = {
        "rows": found.items,
        "next_page": query(status=known or "any", cursor=found.next_cursor),
        "next_cursor": found.next_cursor,
        "status": known,
        "statuses": STATUSES,
        "wrong": wrong,
    }
    return page(request, "dead_letters.html", data, 422 if wrong else 200)


@router.get("/dead-letters/{id}")
async def dead_letter(request: Request, parts: PartsDep, id: Number) -> Response:
    """Show one of them with its bytes and headers."""
    return await show(request, parts, id)


async def show(
    request: Request,
    parts: Parts,
    id: int,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    """Return the page, with what was typed if it was not accepted."""
    try:
        row = await DeadLetterRows(parts.store).find(id)
    except NoDeadLetter:
        return missing(request, f"The dead letter {id}")
    execution = row["execution_id"]
    data = {
        "row": {**row, "execution_id": execution and public_id(ExecutionId(str(execution)))},
        "key": bytes_of(row["record_key"]),
        "value": bytes_of(row["value"]),
        "headers": headers_of(row),
        "typed": typed or {},
        "errors": errors or {},
        "problem": problem,
    }
    return page(request, "dead_letter.html", data, status)


def errors_of(typed: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with each field of the form that settles a dead letter."""
    errors = {}
    by = typed.get("by", "").strip()
    if not by or len(by) > MAX_NAME:
        errors["by"] = "Say who you are." if not by else f"At most {MAX_NAME} characters."
    if len(typed.get("reason", "")) > MAX_REASON:
        errors["reason"] = f"At most {MAX_REASON:,} characters; there are {len(typed['reason']):,}."
    if typed.get("do") not in ("replay", "discard"):
        errors["do"] = "Choose Replay or Discard."
    return errors


@router.post("/dead-letters/{id}")
async def settle(request: Request, parts: PartsDep, id: Number) -> Response:
    """Produce a dead letter again or give it up, and show it."""
    typed = await typed_in(request)
    if errors := errors_of(typed):
        return await show(request, parts, id, typed=typed, errors=errors, status=422)
    asked = Asked(typed["by"].strip(), typed.get("reason", "").strip() or None)
    rows = DeadLetterRows(parts.store)
    try:
        if typed["do"] == "replay":
            await replay(rows, parts.out, id, asked)
        else:
            await discard(rows, id, asked)
    except NoDeadLetter:
        return missing(request, f"The dead letter {id}")
    except NotOpen as problem:
        told = f"Somebody was faster; nothing was done. ({problem})"
        return await show(request, parts, id, typed=typed, problem=told, status=409)
    except NotWhole as problem:
        return await show(request, parts, id, typed=typed, problem=f"{problem}.", status=409)
    except PublishFailed as problem:
        told = f"Nothing was done; try again in a moment. {problem}"
        return await show(request, parts, id, typed=typed, problem=told, status=503)
    response = RedirectResponse(f"/dead-letters/{id}", 303)
    remember(response, Person(asked.by, person_of(request).roles))
    return response
