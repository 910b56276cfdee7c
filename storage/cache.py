"""The context cache: in process first, Redis second; an outage is a miss (rule 7)."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import orjson
import redis.asyncio as redis
from cachetools import TLRUCache
from redis.exceptions import RedisError

LOCAL_ENTRIES = 50_000
LOCAL_SECONDS = 10.0
"""Longest that a value is served from this process alone."""
REDIS_SECONDS = 0.05
FAILURES_TO_OPEN = 3
OPEN_SECONDS = 5.0

log = logging.getLogger("sluicegate.cache")


class CacheKey(NamedTuple):
    """A resource and the id of one of its values."""

    resource: str
    id: str

    @property
    def text(self) -> str:
        """The key in Redis (requirements.md S87)."""
        return f"context:{self.resource}:{self.id}"


@dataclass(slots=True)
class CacheStats:
    """What the cache answered."""

    local_hits: int = 0
    redis_hits: int = 0
    misses: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    value: object
    seconds: float


class ContextCache:
    """Values of resources with a time to live; never raises, never waits longer than 50 ms."""

    def __init__(
        self, redis_url: str | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.stats = CacheStats()
        self._clock = clock
        self._local: TLRUCache[CacheKey, _Entry] = TLRUCache(
            LOCAL_ENTRIES, ttu=lambda _key, entry, now: now + entry.seconds, timer=clock
        )
        self._redis: redis.Redis | None = None
        if redis_url:
            self._redis = redis.from_url(
                redis_url,
                socket_timeout=REDIS_SECONDS,
                socket_connect_timeout=REDIS_SECONDS,
                max_connections=16,
            )
        self._failures = 0
        self._closed_again_at = 0.0

    async def get_many(self, keys: Sequence[CacheKey]) -> dict[CacheKey, object]:
        """Return what is cached of these keys, with one round trip to Redis at most."""
        found: dict[CacheKey, object] = {}
        wanted = []
        for key in keys:
            entry = self._local.get(key)
            if entry is None:
                wanted.append(key)
            else:
                found[key] = entry.value
        self.stats.local_hits += len(found)
        remote = await self._ask_redis(wanted) if wanted else {}
        self.stats.redis_hits += len(remote)
        self.stats.misses += len(wanted) - len(remote)
        return found | remote

    async def _ask_redis(self, keys: Sequence[CacheKey]) -> dict[CacheKey, object]:
        if not self._usable():
            return {}
        assert self._redis is not None  # noqa: S101
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                texts = await self._redis.mget([key.text for key in keys])
        except (RedisError, OSError, TimeoutError) as problem:
            self._failed(problem)
            return {}
        self._failures = 0
        found = {}
        for key, text in zip(keys, texts, strict=True):
            if text is not None:
                try:
                    found[key] = orjson.loads(text)
                except orjson.JSONDecodeError:
                    continue
                self._local[key] = _Entry(found[key], 1.0)
        return found

    async def put(self, key: CacheKey, value: object, ttl: timedelta) -> None:
        """Keep a value for a while; a time of zero keeps nothing."""
        seconds = ttl.total_seconds()
        if seconds <= 0:
            return
        self._local[key] = _Entry(value, min(seconds, LOCAL_SECONDS))
        if not self._usable():
            return
        assert self._redis is not None  # noqa: S101
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                await self._redis.set(key.text, orjson.dumps(value), px=max(1, int(seconds * 1000)))
        except (RedisError, OSError, TimeoutError) as problem:
            self._failed(problem)

    def _usable(self) -> bool:
        return self._redis is not None and self._clock() >= self._closed_again_at

    def _failed(self, problem: Exception) -> None:
        """Count a failure; after three in a row leave Redis alone for a while."""
        self.stats.failures += 1
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._failures = 0
            self._closed_again_at = self._clock() + OPEN_SECONDS
            text = str(problem) or type(problem).__name__
            log.warning("Redis does not answer, going on without it: %s", text)

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._redis is not None:
            await self._redis.aclose()
