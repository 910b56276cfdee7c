"""Pages: templates, what all of them show, and who reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from fastapi.templating import Jinja2Templates

from api.screens import wording
from api.screens.markdown import markdown
from api.screens.values import masked, rows_of
from engine.drawing.style import stylesheet

FOLDER = Path(__file__).parent.parent
STATIC = FOLDER / "static"
COOKIE_SECONDS = 365 * 86_400
NAME_COOKIE, ROLES_COOKIE = "sluicegate_name", "sluicegate_roles"
MAX_NAME = 255
templates = Jinja2Templates(directory=FOLDER / "templates")


@dataclass(frozen=True, slots=True)
class Person:
    """Who reads the page, as they said: this deployment has no login."""

    name: str = ""
    roles: tuple[str, ...] = ()


def person_of(request: Request) -> Person:
    """Return who reads the page; nobody by name where they have not said."""
    name = unquote(request.cookies.get(NAME_COOKIE, ""))[:MAX_NAME]
    roles = unquote(request.cookies.get(ROLES_COOKIE, ""))[:1_000]
    return Person(name, tuple(role for role in roles.split(",") if role))


def remember(response: Response, person: Person) -> None:
    """Let the browser keep who reads; no right rests on it."""
    kept = ((NAME_COOKIE, person.name), (ROLES_COOKIE, ",".join(person.roles)))
    for cookie, value in kept:
        response.set_cookie(
            cookie, quote(value), max_age=COOKIE_SECONDS, httponly=True, samesite="strict"
        )


async def typed_in(request: Request) -> dict[str, str]:
    """Return what was typed into a form, each name once; files and NULs are left out."""
    given = await request.form()
    return {
        name: value.replace("\x00", "") for name, value in given.items() if isinstance(value, str)
    }


def read_instant(text: str, clock: time) -> datetime:
    """Return the instant that was typed, in UTC, a day at `clock`; raises ValueError."""
    try:
        return datetime.combine(date.fromisoformat(text), clock, UTC)
    except ValueError:
        at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


@cache
def asset(name: str) -> str:
    """Return the address of a static file, which changes with its content."""
    content = (STATIC / name).read_bytes() if name != "graph.css" else graph_style()
    return f"/static/{name}?v={sha256(content).hexdigest()[:10]}"


@cache
def graph_style() -> bytes:
    """Return the style sheet of pictures of workflows."""
    return stylesheet().encode()


def query(**given: object) -> str:
    """Return a query string of what is given; what is None or empty is left out."""
    kept = {name: str(value) for name, value in given.items() if value not in (None, "")}
    return f"?{urlencode(kept)}" if kept else ""


templates.env.trim_blocks = templates.env.lstrip_blocks = True
templates.env.filters |= {
    "visible": wording.visible,
    "titled": wording.titled,
    "instant": wording.instant,
    "milliseconds": wording.milliseconds,
    "as_json": wording.as_json,
    "said": wording.said,
    "size": wording.size_of,
    "counted": wording.counted,
    "masked": masked,
    "markdown": markdown,
}
templates.env.globals |= {"asset": asset, "query": query, "rows_of": rows_of, "ago": wording.ago}


def shared(person: Person) -> dict[str, Any]:
    """Return what every template may use."""
    return {"person": person, "now": now()}


def page(
    request: Request, name: str, data: Mapping[str, Any], status: int = 200, **headers: str
) -> HTMLResponse:
    """Return a page."""
    html = templates.get_template(name).render(
        **shared(person_of(request)), path=request.url.path, **data
    )
    return HTMLResponse(html, status, {"Cache-Control": "no-store", **headers})


def fragment(name: str, data: Mapping[str, Any]) -> str:
    """Return the live part of a page, which is the same for everybody."""
    return templates.get_template(name).render(now=now(), **data)


def missing(request: Request, what: str) -> HTMLResponse:
    """Return the page for something that does not exist."""
    data = {"title": "Not found", "detail": f"{what} does not exist.", "retry": False}
    return page(request, "problem.html", data, 404)
