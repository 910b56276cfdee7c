"""Definitions: read, check, and register new versions as `sluicegate apply` does."""

import asyncio
import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response

from actions.definitions import Mistake, examine
from api.parts import Cursor, Limit, Name, Parts, PartsDep, page_body, read_body
from api.problems import Problem, not_found
from api.shapes.common import json_body, shown
from api.shapes.workflows import Checked, EditionPage, Registered, WholeWorkflow, WorkflowPage
from config.documents import MAX_BYTES
from engine.definition import Definition
from engine.drawing.picture import svg_of
from streams.catalog import DefinitionChanged, register

router = APIRouter(tags=["workflows"])
Row = dict[str, Any]
KINDS = (
    "application/yaml",
    "application/x-yaml",
    "text/yaml",
    "text/plain",
    "application/json",
)
Tag = Annotated[str | None, Header(max_length=2000)]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
AnyVersion = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
ANYTHING = {"description": "A definition, in YAML or JSON."}
EXAMPLE = """name: w
trigger: { event: order.created }
steps:
  - id: a
    allow: {}
"""
DEFINITION = json_body(ANYTHING, EXAMPLE, kinds=KINDS)
CHECKED = json_body(ANYTHING, EXAMPLE, kinds=KINDS, required=False)
"""Even nothing can be checked; it is no definition."""
SVG: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture",
        "content": {"image/svg+xml": {"schema": {"type": "string"}}},
    }
}


@router.get("/workflows", response_model=None, responses=shown(WorkflowPage))
async def list_workflows(parts: PartsDep, limit: Limit = 50, cursor: Cursor = None) -> Row:
    """Return the latest version of every workflow, by name."""
    return page_body(await parts.reading.page_of_workflows(limit, cursor))


@router.get("/workflows/{name}", response_model=None, responses=shown(WholeWorkflow))
async def get_workflow(parts: PartsDep, name: Name, response: Response) -> Row:
    """Return the latest version of a workflow with its text."""
    return await _version(parts, name, None, response)


@router.get("/workflows/{name}/versions", response_model=None, responses=shown(EditionPage))
async def list_versions(
    parts: PartsDep, name: Name, limit: Limit = 50, cursor: Cursor = None
) -> Row:
    """Return the versions of a workflow, newest first."""
    page = await parts.reading.page_of_versions(name, limit, cursor)
    if not page.items and cursor is None:
        raise not_found(f"the workflow {name}")
    return page_body(page)


@router.get(
    "/workflows/{name}/graph.svg",
    response_class=Response,
    responses=SVG,
)
async def get_graph(parts: PartsDep, name: Name, version: AnyVersion = None) -> Response:
    """Draw a workflow, by default its latest version."""
    row = await _row(parts, name, version)
    definition = await parts.definitions.get(name, row["version"])
    if definition is None:
        raise not_found(f"the workflow {name}")
    headers = {"ETag": f'"{row["content_hash"]}"'}
    return Response(svg_of(definition), media_type="image/svg+xml", headers=headers)


@router.get(
    "/workflows/{name}/versions/{version}", response_model=None, responses=shown(WholeWorkflow)
)
async def get_version(parts: PartsDep, name: Name, version: Version, response: Response) -> Row:
    """Return one version of a workflow with its text; it never changes."""
    return await _version(parts, name, version, response)


async def _version(parts: Parts, name: str, version: int | None, response: Response) -> Row:
    found = await _row(parts, name, version)
    response.headers["ETag"] = f'"{found["content_hash"]}"'
    return found


async def _row(parts: Parts, name: str, version: int | None) -> Row:
    found = await parts.reading.workflow(name, version)
    if found is None:
        what = f"the workflow {name}"
        raise not_found(what if version is None else f"version {version} of {what}")
    return found


def _shown(mistakes: list[Mistake]) -> list[Row]:
    return [{"line": m.line, "column": m.column, "problem": m.problem} for m in sorted(mistakes)]


async def _examine(
    request: Request, parts: Parts, name: str
) -> tuple[Definition | None, list[Mistake], list[Mistake]]:
    """Return the definition in a body, its mistakes and its warnings."""
    body = await read_body(request, KINDS, MAX_BYTES)
    file = f"{name}.yaml"
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None, [Mistake(file, 1, 1, "the text is not UTF-8")], []
    resources = await parts.reading.resource_names()
    # Reading a large text takes a while; other requests go on meanwhile.
    return await asyncio.to_thread(examine, text, file=file, resources=resources)


@router.post(
    "/workflows:validate",
    response_model=None,
    openapi_extra=CHECKED,
    responses=shown(Checked, text="What was found"),
)
async def validate(request: Request, parts: PartsDep) -> Row:
    """Check a definition in YAML or JSON; every mistake with its place, nothing is registered."""
    definition, mistakes, warnings = await _examine(request, parts, "definition")
    sound = definition is not None and not mistakes
    return {
        "valid": sound,
        "name": definition.name if definition is not None and sound else None,
        "content_hash": definition.content_hash if definition is not None and sound else None,
        "mistakes": _shown(mistakes),
        "warnings": _shown(warnings),
    }


_TAGS = re.compile(r'(?:W/)?"([^"]*)"|([^\s,"]+)')


def _expected(if_match: str | None, if_none_match: str | None) -> frozenset[str] | None:
    """Return what register compares: content hashes, `*` for any, `` for none, None for no test."""
    if if_none_match is not None:
        if if_none_match.strip() != "*":
            raise Problem(422, "invalid-request", "If-None-Match takes only *")
        return frozenset({""})
    if if_match is None:
        return None
    return frozenset(filter(None, (quoted or bare for quoted, bare in _TAGS.findall(if_match))))


@router.put(
    "/workflows/{name}",
    response_model=None,
    openapi_extra=DEFINITION,
    responses={
        **shown(Registered, text="Nothing has changed"),
        **shown(Registered, 201, "A new version"),
    },
)
async def put_workflow(
    request: Request,
    parts: PartsDep,
    name: Name,
    response: Response,
    if_match: Tag = None,
    if_none_match: Tag = None,
) -> Row:
    """Register a definition in YAML or JSON: what has changed becomes a new immutable version.

    `If-Match` with the content hash of the latest version, or with several, refuses to overwrite
    a newer one, `If-None-Match: *` refuses to change a workflow that exists (412).
    """
    definition, mistakes, warnings = await _examine(request, parts, name)
    if definition is not None and definition.name != name:
        problem = f"the workflow is called {definition.name!r}, the address says {name!r}"
        mistakes = [*mistakes, Mistake(definition.file, 1, 1, problem)]
    if definition is None or mistakes:
        detail = "; ".join(f"{m.line}:{m.column}: {m.problem}" for m in sorted(mistakes))
        raise Problem(422, "invalid-definition", detail, more={"mistakes": _shown(mistakes)})
    expected = _expected(if_match, if_none_match)
    expecting = {} if expected is None else {name: expected}
    try:
        applied = await register(parts.store, [definition], {}, expecting)
    except DefinitionChanged as problem:
        raise Problem(412, "definition-changed", str(problem)) from None
    found = await parts.reading.workflow(name, applied[0][1] if applied else None)
    if found is None:
        raise not_found(f"the workflow {name}")
    response.status_code = 201 if applied else 200
    response.headers["ETag"] = f'"{found["content_hash"]}"'
    response.headers["Location"] = f"/api/v1/workflows/{name}/versions/{found['version']}"
    told = ("name", "version", "content_hash", "created_at")
    shown = {key: found[key] for key in told}
    return {**shown, "changed": bool(applied), "warnings": _shown(warnings)}
