"""How far the workers are behind."""

from typing import Any

from fastapi import APIRouter

from api.parts import PartsDep
from api.shapes.common import shown
from api.shapes.operations import Lag
from streams.lag import lag_report

router = APIRouter(tags=["operations"])


@router.get("/lag", response_model=None, responses=shown(Lag))
async def get_lag(parts: PartsDep) -> dict[str, Any]:
    """Return for each partition what will be read next and where the log ends, and the members.

    The numbers are the database's: the offsets that Kafka's own tools show may be behind them.
    """
    group = parts.settings.group_id
    return await lag_report(parts.admin, group, await parts.reading.positions(group))
