"""Health: how far the workers have read, what is due, what is open, whether all is reachable."""

import asyncio
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.health import check_all
from api.parts import Parts, PartsDep
from api.screens.live import Change, stream
from api.screens.page import fragment, page
from engine.errors import SluicegateError
from storage.cache import takes_values
from storage.screens import COUNTED, ScreenReading
from streams.lag import GroupState, Lag, lag_of

router = APIRouter()
EVERY_SECONDS = 2.0
CACHE_SECONDS = 0.3
Row = dict[str, Any]


async def _database(parts: Parts) -> tuple[Row | None, list[Row], str]:
    reading = ScreenReading(parts.store)
    try:
        numbers = await reading.health()
        return numbers, await reading.positions(parts.settings.group_id), ""
    except SluicegateError as problem:
        return None, [], str(problem)


async def _broker(parts: Parts, positions: list[Row]) -> tuple[list[Lag], GroupState | None, str]:
    """Return the lag of each partition and the members of the group."""
    try:
        known = {(row["topic"], row["partition"]): row["next_offset"] for row in positions}
        return (
            await lag_of(parts.admin, known),
            await parts.admin.group(parts.settings.group_id),
            "",
        )
    except SluicegateError as problem:
        return [], None, str(problem)


async def _cache(parts: Parts) -> str:
    """Return how the cache is; without it executions go on, only slower."""
    url = parts.settings.redis
    if url is None:
        return "in each process only"
    return "ok" if await takes_values(url, CACHE_SECONDS) else "does not answer; nothing stops"


async def _data(parts: Parts) -> Row:
    checks, cache, (numbers, positions, wrong) = await asyncio.gather(
        check_all(parts), _cache(parts), _database(parts)
    )
    lags, group, silent = await _broker(parts, positions)
    watermarks = {(row["topic"], row["partition"]): row["updated_at"] for row in positions}
    return {
        "checks": checks,
        "numbers": numbers,
        "wrong": wrong,
        "lags": lags,
        "group": group,
        "silent": silent,
        "moved": watermarks,
        "most": COUNTED,
        "total": sum(lag.behind for lag in lags),
        "group_id": parts.settings.group_id,
        "version": version("sluicegate"),
        "cache": cache,
    }


@router.get("/health")
async def health(request: Request, parts: PartsDep) -> Response:
    """Show how the deployment is."""
    data = await _data(parts)
    well = data["numbers"] is not None and all(answer == "ok" for answer in data["checks"].values())
    return page(request, "health.html", data, 200 if well else 503)


@router.get("/live/health")
async def live_health(request: Request, parts: PartsDep) -> Response:
    """Stream how the deployment is, every two seconds, drawn once for all who look."""

    async def render() -> str:
        return fragment("health_state.html", await _data(parts))

    def concerns(_: Change) -> bool:
        return False

    return stream(request, ("health",), concerns, render, EVERY_SECONDS)
