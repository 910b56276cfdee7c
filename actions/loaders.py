"""Resources that enrich a context: declared once per deployment (requirements.md S79-S83)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import orjson

from actions.client import Answer, Call, HttpClient, refusal_of
from actions.http import own_headers
from actions.outputs import storable
from actions.results import ActionRequest, Failed, Succeeded
from actions.secrets import SecretMissing, Secrets, fill, reveal
from actions.urls import checked_url
from engine.durations import parse_duration
from engine.errors import SluicegateError
from engine.templates import Reference, Secret, as_text, compile_template, parse_text

MAX_RESOURCE = 1024 * 1024
DEFAULT_TIMEOUT = timedelta(seconds=2)


class Resources:
    """The declared resources; replaced as a whole when definitions are applied."""

    def __init__(self, declarations: Mapping[str, Any] | None = None) -> None:
        self._declarations = declarations or {}

    def replace(self, declarations: Mapping[str, Any]) -> None:
        """Use other declarations from now on."""
        self._declarations = declarations

    def get(self, name: str) -> Mapping[str, Any] | None:
        """Return the declaration of a resource."""
        found = self._declarations.get(name)
        return found if isinstance(found, Mapping) else None

    def is_static(self, name: str) -> bool:
        """Tell whether a resource's values stand in its declaration."""
        found = self.get(name)
        return found is not None and found.get("kind") == "static"

    def static(self, name: str, id: str) -> object:
        """Return the value that a static resource declares for an id, else its default."""
        declaration = self.get(name) or {}
        data = declaration.get("data") or {}
        return data.get(id, declaration.get("default"))

    def ttl(self, name: str) -> timedelta | None:
        """Return how long a resource's values stay cached, where it says so."""
        cache = (self.get(name) or {}).get("cache")
        return parse_duration(cache) if isinstance(cache, str) else None


class LoadAction:
    """Reads one resource from its source."""

    idempotent = True

    def __init__(self, client: HttpClient, resources: Resources, secrets: Secrets) -> None:
        self._client, self._resources, self._secrets = client, resources, secrets

    async def perform(self, request: ActionRequest) -> Succeeded | Failed:
        """Return the resource's value; what does not exist is null."""
        name, id = str(request.params.get("resource")), str(request.params.get("id"))
        declaration = self._resources.get(name)
        if declaration is None:
            return Failed("unknown_resource", f"no resource is called {name}; declare it", False)
        match declaration.get("kind"):
            case "static":
                return Succeeded(self._resources.static(name, id))
            case "http":
                return await self._fetch(declaration, id, request.timeout)
            case kind:
                problem = f"resources of kind {kind} are not available in this version"
                return Failed("unknown_resource", problem, False)

    async def _fetch(
        self, declaration: Mapping[str, Any], id: str, within: timedelta
    ) -> Succeeded | Failed:
        try:
            call = self._call(declaration, id, within)
        except SecretMissing as problem:
            return Failed("secret_missing", str(problem), False)
        except (ValueError, SluicegateError) as problem:
            return Failed("invalid_request", str(problem), False)
        answer = await self._client.send(call)
        return answer if isinstance(answer, Failed) else _value(answer)

    def _call(self, declaration: Mapping[str, Any], id: str, within: timedelta) -> Call:
        if not id:
            raise ValueError("the id of a resource must not be empty")
        url = reveal(_url_parts(declaration["url"], id), self._secrets)
        headers = compile_template(declaration.get("headers") or {}, allow_secrets=True)
        rendered = headers.render_with_secrets({"id": id})
        assert isinstance(rendered.value, dict)  # noqa: S101  (the loader takes only mappings)
        sent = own_headers(fill(rendered.value, rendered.secrets, self._secrets))
        timeout = declaration.get("timeout")
        wanted = parse_duration(timeout) if isinstance(timeout, str) else DEFAULT_TIMEOUT
        return Call("GET", checked_url(url), sent, None, min(wanted, within), MAX_RESOURCE)


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
    if not storable(value):
        return Failed("invalid_json", "the source sent NUL characters or too deep JSON", False)
    return Succeeded(value)
