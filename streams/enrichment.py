"""What loads find without leaving the process for long: static resources and caches (rule 7)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from actions.loaders import Resources
from engine.definition import Definition, Load
from engine.errors import Unresolved
from engine.loads import ResourceRef, resource_ref
from storage.cache import CacheKey, ContextCache

DEFAULT_TTL = timedelta(seconds=300)
"""How long a loaded resource stays cached where nothing else is said (requirements.md D26)."""


class Enrichment:
    """Answers loads from static declarations and from the caches, a whole batch at once."""

    def __init__(self, resources: Resources, cache: ContextCache) -> None:
        self._resources, self._cache = resources, cache

    def ttl(self, load: Load) -> timedelta:
        """Return how long a load's value may be cached; zero switches its cache off."""
        if load.cache is not None:
            return load.cache
        ttl = self._resources.ttl(load.resource)
        return DEFAULT_TTL if ttl is None else ttl

    async def at_hand(
        self, asked: Sequence[tuple[Definition, Mapping[str, object]]]
    ) -> list[dict[str, object]]:
        """Return, for each definition with its scope, the resources found, by their path."""
        wanted = [list(self._refs(definition, scope)) for definition, scope in asked]
        keys = {
            CacheKey(ref.resource, ref.id)
            for refs in wanted
            for load, ref in refs
            if not self._resources.is_static(ref.resource) and self.ttl(load)
        }
        cached = await self._cache.get_many(sorted(keys)) if keys else {}
        return [self._found(refs, cached) for refs in wanted]

    def _refs(
        self, definition: Definition, scope: Mapping[str, object]
    ) -> Iterable[tuple[Load, ResourceRef]]:
        for load in definition.loads:
            try:
                yield load, resource_ref(load, scope)
            except Unresolved:
                continue

    def _found(
        self,
        refs: Iterable[tuple[Load, ResourceRef]],
        cached: Mapping[CacheKey, object],
    ) -> dict[str, object]:
        found: dict[str, object] = {}
        for load, ref in refs:
            path, key = ".".join(load.path), CacheKey(ref.resource, ref.id)
            if self._resources.is_static(ref.resource):
                found[path] = self._resources.static(ref.resource, ref.id)
            elif key in cached:
                found[path] = cached[key]
        return found

    async def keep(self, resource: str, id: str, value: object, ttl: timedelta | None) -> None:
        """Cache what a loader read, for its own time, else the resource's, else the default."""
        if ttl is None:
            ttl = self._resources.ttl(resource)
        await self._cache.put(CacheKey(resource, id), value, DEFAULT_TTL if ttl is None else ttl)
