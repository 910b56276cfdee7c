"""Workflows and dead letters, for those who operate a deployment."""

from typing import Any

from fastapi import APIRouter

from api.parts import Cursor, Limit, PartsDep, page_body

router = APIRouter(tags=["operations"])


@router.get("/workflows")
async def list_workflows(parts: PartsDep) -> dict[str, Any]:
    """Return the latest version of every workflow."""
    return {"items": await parts.reading.workflows(), "next_cursor": None}


@router.get("/dead-letters")
async def list_dead_letters(
    parts: PartsDep, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """Return dead letters, newest first."""
    return page_body(await parts.reading.dead_letters(limit, cursor))
