"""Where resources come from: HTTP, a database, or Python of an installed package (S81)."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Protocol, cast
from urllib.parse import quote

import orjson

from actions.client import Answer, Call, HttpClient, refusal_of
from actions.http import own_headers
from actions.outputs import storable
from actions.results import Failed, Succeeded
from actions.secrets import Secrets, fill, reveal
from actions.threads import Threads
from actions.urls import checked_url
from engine.errors import SourceFailed
from engine.templates import Reference, Secret, as_text, compile_template, parse_text

MAX_RESOURCE = 1024 * 1024
THREADS = 8
"""Loaders of one worker that may hold a thread at once."""

Declaration = Mapping[str, Any]
Loader = Callable[[str], object]
"""Returns a JSON-like value for an id, or an awaitable of one."""


class Source(Protocol):
    """One kind of source."""

    async def fetch(
        self, declaration: Declaration, id: str, within: timedelta
    ) -> Succeeded | Failed:
        """Return a resource's value; what does not exist is null."""


class RowReader(Protocol):
    """What reads one row of a database, as a JSON-like object."""

    async def fetch_row(
        self, dsn: str, query: str, parameters: Mapping[str, object], within: timedelta
    ) -> dict[str, object] | None:
        """Return the only row, None where there is none; raises SourceFailed."""

    async def close(self) -> None:
        """Close all connections."""


class HttpSource:
    """Gets a resource by its URL."""

    def __init__(self, client: HttpClient, secrets: Secrets) -> None:
        self._client, self._secrets = client, secrets

    async def fetch(
        self, declaration: Declaration, id: str, within: timedelta
    ) -> Succeeded | Failed:
        """Return what the source answers; 404 is null."""
        url = reveal(_url_parts(declaration["url"], id), self._secrets)
        headers = compile_template(declaration.get("headers") or {}, allow_secrets=True)
        rendered = headers.render_with_secrets({"id": id})
        assert isinstance(rendered.value, dict)  # noqa: S101  (the loader takes only mappings)
        sent = own_headers(fill(rendered.value, rendered.secrets, self._secrets))
        call = Call("GET", checked_url(url), sent, None, within, MAX_RESOURCE)
        answer = await self._client.send(call)
        return answer if isinstance(answer, Failed) else _value(answer)


def _url_parts(url: str, id: str) -> list[str | Secret]:
    """Return a declared URL's parts, the id as one encoded component behind the host."""
    parts: list[str | Secret] = []
    for part in parse_text(url):
        if not isinstance(part, Reference):
            parts.append(part)
            continue
        before = "".join(text if isinstance(text, str) else "s://s/" for text in parts)
        if "/" not in before.partition("://")[2]:
            raise ValueError("the host of a resource's URL must not depend on the id")
        parts.append(quote(as_text(part.value({"id": id})), safe=""))
    return parts


def _value(answer: Answer) -> Succeeded | Failed:
    if answer.status == 404:
        return Succeeded(None)
    if answer.status not in range(200, 300):
        return refusal_of(answer, "the source")
    if not answer.whole:
        return Failed("too_large", f"the source sent more than {MAX_RESOURCE} bytes", False)
    try:
        value = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return Failed("invalid_json", "the source did not send JSON", False)
    return _checked(value)


def _checked(value: object) -> Succeeded | Failed:
    """Return a value fit to be part of a context, else why it is not."""
    if not storable(value):
        return Failed("invalid_json", "the source sent what is no JSON, NUL, or too deep", False)
    if len(orjson.dumps(value)) > MAX_RESOURCE:
        return Failed("too_large", f"the source sent more than {MAX_RESOURCE} bytes", False)
    return Succeeded(value)


class SqlSource:
    """Reads a resource as one row of a database."""

    def __init__(self, rows: RowReader, secrets: Secrets) -> None:
        self._rows, self._secrets = rows, secrets

    async def fetch(
        self, declaration: Declaration, id: str, within: timedelta
    ) -> Succeeded | Failed:
        """Return the row as an object; no row is null."""
        parts = [part for part in parse_text(declaration["dsn"]) if not isinstance(part, Reference)]
        dsn = reveal(parts, self._secrets)
        try:
            row = await self._rows.fetch_row(dsn, declaration["query"], {"id": id}, within)
        except SourceFailed as problem:
            return Failed(problem.code, problem.problem, problem.retryable)
        return _checked(row)


class PythonSource:
    """Asks a function of an installed package, by its entry point's name."""

    def __init__(self, loaders: Mapping[str, Loader]) -> None:
        self._loaders = loaders
        self._threads = Threads("loader", THREADS)

    async def fetch(
        self, declaration: Declaration, id: str, within: timedelta
    ) -> Succeeded | Failed:
        """Return what the function returns for an id; one that is not async runs in a thread."""
        name = str(declaration.get("entry_point"))
        loader = self._loaders.get(name)
        if loader is None:
            problem = f"no installed package brings the loader {name}; install it in the worker"
            return Failed("unknown_loader", problem, False)
        try:
            async with asyncio.timeout(within.total_seconds()):
                value = await self._call(loader, id)
        except TimeoutError:
            seconds = within.total_seconds()
            return Failed("timeout", f"the loader {name} took more than {seconds:g} s", True)
        except Exception as problem:
            kind = type(problem).__name__
            return Failed("loader_failed", f"the loader {name} failed: {kind}: {problem}", True)
        return _checked(value)

    async def _call(self, loader: Loader, id: str) -> object:
        if _is_async(loader):
            return await cast(Awaitable[object], loader(id))
        value = await self._threads.run(partial(loader, id))
        return await value if inspect.isawaitable(value) else value


def _is_async(loader: Loader) -> bool:
    return inspect.iscoroutinefunction(loader) or inspect.iscoroutinefunction(
        getattr(loader, "__call__", None)  # noqa: B004  (an object with an async __call__)
    )
