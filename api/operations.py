"""Waits and receipts, for those who operate a deployment."""

from typing import Any, Literal

from fastapi import APIRouter

from api.parts import Cursor, Limit, Name, PartsDep, Text, WaitSeconds, page_body
from api.problems import not_found
from api.shapes.approvals import WaitPage
from api.shapes.common import shown
from api.shapes.sent import Answer

router = APIRouter(tags=["operations"])


@router.get("/waits", response_model=None, responses=shown(WaitPage))
async def list_waits(
    parts: PartsDep,
    status: Literal["open", "closed", "any"] = "open",
    kind: Literal["approval", "event", "timer"] | None = None,
    workflow: Text = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Return what executions wait for, newest first; by default what is open."""
    page = await parts.reading.waits(
        status=None if status == "any" else status,
        kind=kind,
        workflow=workflow,
        limit=limit,
        cursor=cursor,
    )
    return page_body(page)


@router.get("/receipts/{id}", response_model=None, responses=shown(Answer))
async def get_receipt(parts: PartsDep, id: Name, wait: WaitSeconds = 0) -> dict[str, Any]:
    """Return the answer to a decision or a command; 404 while there is none.

    What could not be read as one is answered on the receipts topic alone.
    """
    found = await parts.answering.receipt(id)
    if found is None and wait:
        found = await parts.answers.wait(("receipt", id), wait)
    if found is None:
        raise not_found(f"a receipt of {id}")
    return found
