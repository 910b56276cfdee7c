"""Problems as pages, for those who came with a browser."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response

from api.problems import respond
from api.screens.page import page

MACHINES = ("/api/", "/livez", "/readyz", "/healthz", "/metrics", "/openapi.json", "/live/")
TITLES = {
    404: "Not found",
    405: "Not possible",
    422: "That does not fit",
    500: "Something is broken",
    503: "Not reachable at the moment",
}
OUTAGES = {
    "database-unreachable": "The database cannot be reached.",
    "broker-unreachable": "Kafka cannot be reached; nothing was sent.",
}
"""What approvers are told; the interface and the log name the address."""
Handler = Callable[[Request, Any], Response | Awaitable[Response]]


def wants_page(request: Request) -> bool:
    """Tell whether a person asks, with a browser."""
    if request.url.path.startswith(MACHINES):
        return False
    return "text/html" in request.headers.get("accept", "")


def _as_page(handler: Handler) -> Callable[[Request, Any], Awaitable[Response]]:
    async def answer(request: Request, error: Any) -> Response:
        found = handler(request, error)
        response = found if isinstance(found, Response) else await found
        return problem_page(request, response) if wants_page(request) else response

    return answer


def problem_page(request: Request, response: Response) -> Response:
    """Return the page that tells a problem; one about an outage tries again by itself."""
    problem = orjson.loads(bytes(response.body))
    status, kind = response.status_code, str(problem.get("type")).rpartition("/")[2]
    again = status == 503 and request.method == "GET"
    data = {
        "title": TITLES.get(status, "That did not work"),
        "detail": OUTAGES.get(kind) or str(problem.get("detail") or problem.get("title") or ""),
        "retry": again,
    }
    told = {name: response.headers.get(name) for name in ("Retry-After", "Allow")}
    headers = {name: value for name, value in told.items() if value is not None}
    return page(request, "problem.html", data, status, **headers)


async def _broken(request: Request, _: Exception) -> Response:
    """Return what is told of our own mistakes; the log has the rest."""
    problem = respond(500, "internal-error", "This is our mistake; the log says more.")
    return problem_page(request, problem) if wants_page(request) else problem


def add_problem_pages(app: FastAPI) -> None:
    """Let browsers see the problems of all handlers as pages."""
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _as_page(handler)
    app.add_exception_handler(Exception, _broken)
