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
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

LOCAL_BYTES = 32 * 1024 * 1024
ENTRY_BYTES = 300
"""What an entry costs in this process besides its value."""
LARGEST_LOCAL = 1024 * 1024
LOCAL_SECONDS = 10.0
"""Longest that a value is served from this process alone."""
AGED_SECONDS = 1.0
"""The same for a value out of Redis, which does not tell how old it is."""
REDIS_SECONDS = 0.05
CONNECTIONS = 16
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
    opened: int = 0
    """How often Redis was left alone after failures in a row."""


@dataclass(frozen=True, slots=True)
class _Entry:
    content: bytes
    seconds: float


class ContextCache:
    """Values of resources with a time to live; never raises, never waits longer than 50 ms."""

    def __init__(
        self, redis_url: str | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.stats = CacheStats()
        self._clock = clock
        # Kept as bytes: nobody can change a value that others will be given.
        self._local: TLRUCache[CacheKey, _Entry] = TLRUCache(
            LOCAL_BYTES,
            ttu=lambda _key, entry, now: now + entry.seconds,
            timer=clock,
            getsizeof=lambda entry: len(entry.content) + ENTRY_BYTES,
        )
        self._redis = _connect(redis_url) if redis_url else None
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
                found[key] = orjson.loads(entry.content)
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
        except Exception as problem:
            self._failed(problem)
            return {}
        self._failures = 0
        return self._decoded(keys, texts)

    def _decoded(
        self, keys: Sequence[CacheKey], texts: Sequence[bytes | str | None]
    ) -> dict[CacheKey, object]:
        """Return the values that can be read; what somebody else wrote there is a miss."""
        found: dict[CacheKey, object] = {}
        for key, text in zip(keys, texts, strict=True):
            if text is None:
                continue
            try:
                found[key] = orjson.loads(text)
            except orjson.JSONDecodeError:
                continue
            self._keep(key, text.encode() if isinstance(text, str) else text, AGED_SECONDS)
        return found

    def _keep(self, key: CacheKey, content: bytes, seconds: float) -> None:
        if len(content) <= LARGEST_LOCAL:
            self._local[key] = _Entry(content, seconds)

    async def put(self, key: CacheKey, value: object, ttl: timedelta) -> None:
        """Keep a value for a while; a time of zero keeps nothing."""
        seconds = ttl.total_seconds()
        if seconds <= 0:
            return
        content = orjson.dumps(value)
        self._keep(key, content, min(seconds, LOCAL_SECONDS))
        if not self._usable():
            return
        assert self._redis is not None  # noqa: S101
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                await self._redis.set(key.text, content, px=max(1, int(seconds * 1000)))
        except Exception as problem:
            self._failed(problem)
        else:
            self._failures = 0

    def _usable(self) -> bool:
        return self._redis is not None and self._clock() >= self._closed_again_at

    def _failed(self, problem: Exception) -> None:
        """Count a failure; after three in a row leave Redis alone for a while."""
        self.stats.failures += 1
        if not self._usable():
            return
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            # One more failure after the pause opens it again.
            self._failures = FAILURES_TO_OPEN - 1
            self.stats.opened += 1
            self._closed_again_at = self._clock() + OPEN_SECONDS
            text = str(problem) or type(problem).__name__
            log.warning("Redis does not answer, going on without it: %s", text)

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._redis is not None:
            await self._redis.aclose()


def _connect(url: str) -> redis.Redis:
    """Return a client that tries once, and lets callers queue for a connection."""
    pool = redis.BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=REDIS_SECONDS,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    return redis.Redis.from_pool(pool)


async def takes_values(redis_url: str, seconds: float = 2.0) -> bool:
    """Tell whether a Redis can be written, with more patience than executions have."""
    client = redis.Redis.from_url(
        redis_url,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        return bool(await client.set("sluicegate.doctor", b"1", px=1_000))
    except (redis.RedisError, OSError, TimeoutError):
        return False
    finally:
        await client.aclose()
