"""Resources that enrich a context: declared once per deployment (requirements.md S79-S83)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from actions.guard import TargetRefused
from actions.http import RETRYABLE
from actions.results import ActionRequest, Failed, Succeeded
from actions.secrets import Secrets, fill
from engine.durations import parse_duration
from engine.templates import compile_template

MAX_RESOURCE = 1024 * 1024
DEFAULT_SECONDS = 2.0


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

    def __init__(
        self, session: aiohttp.ClientSession, resources: Resources, secrets: Secrets
    ) -> None:
        self._session, self._resources, self._secrets = session, resources, secrets

    async def perform(self, request: ActionRequest) -> Succeeded | Failed:
        """Return the resource's value; what does not exist is null."""
        name, id = str(request.params.get("resource")), str(request.params.get("id"))
        declaration = self._resources.get(name)
        if declaration is None:
            return Failed("unknown_resource", f"no resource is called {name}; declare it", False)
        if declaration.get("kind") == "static":
            return Succeeded(self._resources.static(name, id))
        return await self._fetch(declaration, id)

    async def _fetch(self, declaration: Mapping[str, Any], id: str) -> Succeeded | Failed:
        call = {"url": declaration["url"], "headers": declaration.get("headers") or {}}
        rendered = compile_template(call, allow_secrets=True).render_with_secrets(
            {"id": quote(id, safe="")}
        )
        filled: Any = fill(rendered.value, rendered.secrets, self._secrets)  # type: ignore[arg-type]
        seconds = DEFAULT_SECONDS
        if isinstance(declaration.get("timeout"), str):
            seconds = parse_duration(declaration["timeout"]).total_seconds()
        try:
            async with self._session.get(
                filled["url"],
                headers=filled["headers"],
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response:
                return await _resource(response)
        except TimeoutError:
            return Failed("timeout", f"no answer within {seconds:g} s", True)
        except TargetRefused as problem:
            return Failed("target_refused", str(problem), False)
        except aiohttp.ClientError as problem:
            if isinstance(problem.__cause__, TargetRefused):
                return Failed("target_refused", str(problem.__cause__), False)
            return Failed("connection_failed", type(problem).__name__, True)


async def _resource(response: aiohttp.ClientResponse) -> Succeeded | Failed:
    if response.status == 404:
        return Succeeded(None)
    if response.status >= 300:
        retryable = response.status in RETRYABLE or response.status >= 500
        return Failed(
            f"http_{response.status}", f"the source answered {response.status}", retryable
        )
    content = await response.content.read(MAX_RESOURCE + 1)
    while len(content) <= MAX_RESOURCE and (more := await response.content.read(65536)):
        content += more
    if len(content) > MAX_RESOURCE:
        return Failed("too_large", f"the source sent more than {MAX_RESOURCE} bytes", False)
    try:
        return Succeeded(orjson.loads(content))
    except orjson.JSONDecodeError:
        return Failed("invalid_json", "the source did not send JSON", False)
