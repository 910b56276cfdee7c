"""Errors as RFC 9457 problems with stable types."""

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from api.wording import describe
from engine.errors import SluicegateError
from storage.errors import DatabaseUnreachable
from storage.reading import InvalidCursor
from storage.store import TRANSIENT
from streams.admin import BrokerUnreachable
from streams.json_check import Undecodable
from streams.producer import PublishFailed

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = "3"
"""When to ask again once database or broker were away; pages reload themselves after it."""
Kind = Literal[
    "malformed",
    "foreign-origin",
    "foreign-host",
    "not-found",
    "method-not-allowed",
    "decision-refused",
    "command-refused",
    "dead-letter-settled",
    "dead-letter-cut",
    "no-event-topic",
    "definition-changed",
    "too-large",
    "unsupported-media-type",
    "too-many-requests",
    "invalid-request",
    "invalid-cursor",
    "invalid-event",
    "invalid-definition",
    "idempotency-key-reused",
    "database-unreachable",
    "broker-unreachable",
    "internal-error",
    "refused",
]
"""The last parts of the types: a closed list, part of the contract."""
KINDS: Mapping[Kind, str] = {
    "malformed": "The body is no JSON, or holds what no database stores; `code` says what.",
    "foreign-origin": "A page of another origin tried to change something.",
    "foreign-host": "On loopback without login: the `Host` is none of the server's names.",
    "not-found": "There is no such thing; of a receipt also: not yet.",
    "method-not-allowed": "The address knows other methods; `Allow` names them.",
    "decision-refused": "What was said about a request was refused; `code` is the receipt's.",
    "command-refused": "The command was refused; `code` is the receipt's.",
    "dead-letter-settled": "It was replayed or discarded before; `code` says which.",
    "dead-letter-cut": "Too little of the record was kept to produce it again.",
    "no-event-topic": "The first event topic is a pattern: nowhere to publish to.",
    "definition-changed": "`If-Match` or `If-None-Match` does not hold: somebody was quicker.",
    "too-large": "More bytes than are taken.",
    "unsupported-media-type": "The `Content-Type` is none of those that the operation takes.",
    "too-many-requests": "More requests a second than are taken; `Retry-After` says when to try.",
    "invalid-request": "A parameter or a member of the body does not fit; `detail` names it.",
    "invalid-cursor": "The cursor is none that a list gave.",
    "invalid-event": "An event, or their number, does not fit.",
    "invalid-definition": "The definition has mistakes; `mistakes` has each with its place.",
    "idempotency-key-reused": "This `Idempotency-Key` came with another body before.",
    "database-unreachable": "PostgreSQL does not answer; try again in a moment.",
    "broker-unreachable": "Kafka does not answer; nothing was sent; try again in a moment.",
    "internal-error": "A mistake of ours; the log of the process has it.",
    "refused": "Any other refusal; the status says which.",
}


class ProblemBody(BaseModel):
    """A problem as clients see it; some have members of their own."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(json_schema_extra={"enum": [f"/problems/{kind}" for kind in KINDS]})
    title: str
    status: int
    detail: str = ""
    code: str | None = None


class Problem(SluicegateError):
    """An answer other than success; `kind` is the last part of its type."""

    def __init__(
        self,
        status: int,
        kind: Kind,
        detail: str,
        code: str | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        self.status, self.kind, self.detail, self.code = status, kind, detail, code
        self.more = more or {}
        super().__init__(detail)


def not_found(what: str) -> Problem:
    """Return the problem of something that does not exist."""
    return Problem(404, "not-found", f"{what} does not exist")


def respond(
    status: int, kind: Kind, detail: str, code: str | None = None, **more: Any
) -> JSONResponse:
    """Return a problem as a response; `more` are extension members."""
    body = ProblemBody(
        type=f"/problems/{kind}",
        title=kind.replace("-", " ").capitalize(),
        status=status,
        detail=detail,
        code=code,
        **more,
    )
    headers = {"Retry-After": RETRY_SECONDS} if status == 503 else None
    return JSONResponse(body.model_dump(), status, headers, media_type=MEDIA_TYPE)


JSON_KINDS = re.compile(r"application/([\w.-]+\+)?json\s*(;|$)", re.IGNORECASE)


def _is_foreign(request: Request, error: RequestValidationError) -> bool:
    """Tell whether a body was not read because it was not sent as JSON."""
    kind = request.headers.get("content-type")
    unread = any(tuple(item["loc"]) == ("body",) for item in error.errors())
    return unread and kind is not None and JSON_KINDS.match(kind) is None


def _detail_of(request: Request, error: HTTPException, headers: Mapping[str, str]) -> str:
    """Return what is told where the framework says no more than the name of a status."""
    path = request.url.path
    if error.status_code == 404 and error.detail == "Not Found":
        return f"There is nothing at {path}."
    if error.status_code == 405:
        taken = next((value for name, value in headers.items() if name.lower() == "allow"), "")
        return f"{path} takes no {request.method}" + (f", but {taken}." if taken else ".")
    return str(error.detail)


def _model_of(request: Request) -> type[BaseModel] | None:
    """Return the model of an operation's body."""
    body = getattr(request.scope.get("route"), "body_field", None)
    annotation = body and body.field_info.annotation
    kinds = [annotation, *get_args(annotation)]
    return next((kind for kind in kinds if isinstance(kind, type) and _is_model(kind)), None)


def _is_model(kind: type) -> bool:
    return issubclass(kind, BaseModel)


def add_problem_handlers(app: FastAPI) -> None:
    """Turn every error into a problem."""

    @app.exception_handler(Problem)
    async def own(_: Request, error: Problem) -> JSONResponse:
        return respond(error.status, error.kind, error.detail, error.code, **error.more)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        if _is_foreign(request, error):
            return respond(415, "unsupported-media-type", "send application/json")
        if any(item["type"] == "json_invalid" for item in error.errors()):
            return respond(400, "malformed", "the body is no JSON", "invalid_json")
        text = describe(error.errors(), _model_of(request))
        return respond(422, "invalid-request", text)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        kinds: dict[int, Kind] = {
            400: "malformed",
            404: "not-found",
            405: "method-not-allowed",
            413: "too-large",
        }
        kind = kinds.get(error.status_code, "refused")
        headers = dict(error.headers or {})
        if headers.get("allow", headers.get("Allow")) == "GET":
            headers = {"allow": "GET, HEAD"}
        answer = respond(error.status_code, kind, _detail_of(request, error, headers))
        answer.headers.update(headers)
        return answer

    @app.exception_handler(InvalidCursor)
    async def cursor(_: Request, error: InvalidCursor) -> JSONResponse:
        return respond(422, "invalid-cursor", str(error))

    @app.exception_handler(Undecodable)
    async def malformed(_: Request, error: Undecodable) -> JSONResponse:
        return respond(400, "malformed", error.message, error.error_type)

    async def database(_: Request, error: Exception) -> JSONResponse:
        return respond(503, "database-unreachable", str(error).strip())

    for kind in (DatabaseUnreachable, *TRANSIENT):
        app.add_exception_handler(kind, database)

    async def broker(_: Request, error: Exception) -> JSONResponse:
        return respond(503, "broker-unreachable", str(error))

    app.add_exception_handler(BrokerUnreachable, broker)
    app.add_exception_handler(PublishFailed, broker)
