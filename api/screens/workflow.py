"""Workflows: the picture, the text, the versions and what changed, how they do."""

import asyncio
from dataclasses import dataclass
from difflib import unified_diff
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from markupsafe import Markup

from api.parts import Parts, PartsDep
from api.screens.page import missing, page
from engine.definition import Definition
from engine.drawing.picture import svg_of
from storage.screens import ScreenReading

router = APIRouter()
Row = dict[str, Any]
Number = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
MAX_VERSIONS = 100
MAX_DIFF = 2_000


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a difference."""

    kind: Literal["added", "removed", "place", "same"]
    text: str


def diff_of(old: Row, new: Row) -> list[DiffLine]:
    """Return what changed from one version's text to another's."""
    lines = unified_diff(
        old["definition"].splitlines(),
        new["definition"].splitlines(),
        f"version {old['version']}",
        f"version {new['version']}",
        lineterm="",
        n=4,
    )
    kinds: dict[str, Literal["added", "removed", "place"]] = {
        "+": "added",
        "-": "removed",
        "@": "place",
    }
    found = [DiffLine(kinds.get(line[:1], "same"), line) for line in lines]
    return found[2 : MAX_DIFF + 2]


@router.get("/workflows")
async def workflows(request: Request, parts: PartsDep) -> Response:
    """Show the latest version of every workflow."""
    return page(request, "workflows.html", {"rows": await parts.reading.workflows()})


@router.get("/workflows/{name}")
async def workflow(
    request: Request,
    parts: PartsDep,
    name: str,
    version: Number = None,
    against: Number = None,
) -> Response:
    """Show a workflow, by default its latest version; `against` compares it with another."""
    return await show(request, parts, name, version, against)


def event_types(definition: Definition | None) -> list[str]:
    """Return the event patterns of the triggers."""
    triggers = definition.triggers if definition is not None else ()
    return [trigger.event for trigger in triggers if trigger.event is not None]


async def show(
    request: Request,
    parts: Parts,
    name: str,
    version: int | None = None,
    against: int | None = None,
    *,
    status: int = 200,
    **more: Any,
) -> Response:
    """Return the page, with what was tried on it."""
    found, versions, counts = await asyncio.gather(
        parts.reading.workflow(name, version),
        parts.reading.versions(name),
        ScreenReading(parts.store).workflow_counts(name),
    )
    if found is None:
        what = f"The workflow {name}"
        return missing(request, what if version is None else f"Version {version} of {name}")
    other = await parts.reading.workflow(name, against) if against else None
    definition = await parts.definitions.get(name, found["version"])
    drawn = "" if definition is None else svg_of(definition, styled=False)
    data = {
        "found": found,
        "versions": versions[:MAX_VERSIONS],
        "hidden_versions": len(versions) - MAX_VERSIONS,
        "counts": counts,
        # Drawn by us, with every text escaped.
        "graph": Markup(drawn),  # noqa: S704
        "other": other,
        "diff": diff_of(other, found) if other is not None else [],
        "event_types": event_types(definition),
        "typed": {},
        "tried": None,
        "errors": {},
        **more,
    }
    return page(request, "workflow.html", data, status)
