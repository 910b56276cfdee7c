"""Resources that enrich a context: declared once per deployment (requirements.md S79-S83)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from actions.client import HttpClient
from actions.results import ActionRequest, Failed, Succeeded
from actions.secrets import SecretMissing, Secrets
from actions.sources import HttpSource, Loader, PythonSource, RowReader, Source, SqlSource
from engine.durations import parse_duration
from engine.errors import SluicegateError

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
        if cache == 0:
            return timedelta()
        return parse_duration(cache) if isinstance(cache, str) else None


class LoadAction:
    """Reads one resource from its source."""

    idempotent = True

    def __init__(
        self,
        client: HttpClient,
        resources: Resources,
        secrets: Secrets,
        rows: RowReader | None = None,
        loaders: Mapping[str, Loader] | None = None,
    ) -> None:
        self._resources, self._rows = resources, rows
        self._sources: dict[str, Source] = {
            "http": HttpSource(client, secrets),
            "python": PythonSource(loaders or {}),
        }
        if rows is not None:
            self._sources["sql"] = SqlSource(rows, secrets)

    async def perform(self, request: ActionRequest) -> Succeeded | Failed:
        """Return the resource's value; what does not exist is null."""
        name, id = str(request.params.get("resource")), str(request.params.get("id"))
        declaration = self._resources.get(name)
        if declaration is None:
            return Failed("unknown_resource", f"no resource is called {name}; declare it", False)
        if self._resources.is_static(name):
            return Succeeded(self._resources.static(name, id))
        source = self._sources.get(str(declaration.get("kind")))
        if source is None:
            problem = f"this process reads no resources of kind {declaration.get('kind')}"
            return Failed("unknown_resource", problem, False)
        try:
            if not id:
                raise ValueError("the id of a resource must not be empty")
            return await source.fetch(declaration, id, _within(declaration, request.timeout))
        except SecretMissing as problem:
            return Failed("secret_missing", str(problem), False)
        except (ValueError, SluicegateError) as problem:
            return Failed("invalid_request", str(problem), False)

    async def close(self) -> None:
        """Close what the sources hold."""
        if self._rows is not None:
            await self._rows.close()


def _within(declaration: Mapping[str, Any], longest: timedelta) -> timedelta:
    """Return how long a source may take."""
    timeout = declaration.get("timeout")
    return min(parse_duration(timeout) if isinstance(timeout, str) else DEFAULT_TIMEOUT, longest)
