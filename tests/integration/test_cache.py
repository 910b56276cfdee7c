"""The context cache on a real Valkey: alive, wrong, hung and dead (requirements.md S86-S89)."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis.asyncio as redis

from devstack.processes import end
from devstack.valkey import Valkey
from storage.cache import CONNECTIONS, OPEN_SECONDS, REDIS_SECONDS, CacheKey, ContextCache

KEY = CacheKey("order.details", "ord_123")
OTHER = CacheKey("customer.history", "c-1")
TTL = timedelta(minutes=5)
SLACK_SECONDS = 0.25
"""What two busy cores may add to a bound."""
CALLERS = 2 * CONNECTIONS


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Server:
    """A Valkey that can be hung, woken, killed and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self._valkey = Valkey(folder)
        self._valkey.prepare()
        self.url = f"redis://127.0.0.1:{self._valkey.port}/0"
        self.process: subprocess.Popen[bytes] = self._valkey.start()
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + 10
        while not self._valkey.answers():
            assert time.monotonic() < deadline, self._valkey.explain()

    def hang(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def wake(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def start_again(self) -> None:
        self.process = self._valkey.start()
        self._await()

    def close(self) -> None:
        if self.process.poll() is None:
            self.wake()
            end(self.process, signal.SIGTERM, 5)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    yield running
    running.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def cache(server: Server, clock: Clock) -> AsyncIterator[ContextCache]:
    found = ContextCache(server.url, clock=clock)
    yield found
    await found.close()


@pytest.fixture
async def other_worker(server: Server) -> AsyncIterator[ContextCache]:
    """A cache with nothing in its own memory, on the same Valkey."""
    found = ContextCache(server.url)
    yield found
    await found.close()


@pytest.fixture
async def valkey(server: Server) -> AsyncIterator[redis.Redis]:
    client = redis.from_url(server.url, protocol=2)
    yield client
    await client.aclose()


async def timed(cache: ContextCache, key: CacheKey = KEY) -> tuple[dict[CacheKey, object], float]:
    begun = time.monotonic()
    found = await cache.get_many([key])
    return found, time.monotonic() - begun


# S86
async def test_what_one_worker_read_another_finds(
    cache: ContextCache, other_worker: ContextCache
) -> None:
    await cache.put(KEY, {"total": 4650, "items": [{"sku": "ä"}]}, TTL)
    await cache.put(OTHER, None, TTL)
    missing = CacheKey("order.details", "ord_124")
    found = await other_worker.get_many([KEY, missing, OTHER])
    assert found == {KEY: {"total": 4650, "items": [{"sku": "ä"}]}, OTHER: None}
    assert (other_worker.stats.redis_hits, other_worker.stats.misses) == (2, 1)
    await other_worker.get_many([KEY])
    assert other_worker.stats.local_hits == 1


# S87
async def test_the_key_in_redis_is_the_one_of_the_predecessor(
    cache: ContextCache, valkey: redis.Redis
) -> None:
    await cache.put(KEY, {"a": 1}, TTL)
    assert await valkey.keys("*") == [b"context:order.details:ord_123"]
    assert await valkey.get("context:order.details:ord_123") == b'{"a":1}'


# S88
@pytest.mark.parametrize(
    "ttl", [timedelta(milliseconds=1500), timedelta(seconds=300), timedelta(days=30)]
)
async def test_every_key_has_its_time_to_live(
    ttl: timedelta, cache: ContextCache, valkey: redis.Redis
) -> None:
    await cache.put(KEY, 1, ttl)
    left = await valkey.pttl(KEY.text)
    whole = ttl.total_seconds() * 1000
    assert whole - 1000 < left <= whole


# S88
@pytest.mark.parametrize("ttl", [timedelta(), timedelta(seconds=-1)])
async def test_a_time_to_live_of_zero_keeps_nothing(
    ttl: timedelta, cache: ContextCache, valkey: redis.Redis
) -> None:
    await cache.put(KEY, 1, ttl)
    assert await valkey.keys("*") == []
    assert await cache.get_many([KEY]) == {}


async def test_one_round_trip_reads_many_keys(cache: ContextCache, valkey: redis.Redis) -> None:
    keys = [CacheKey("order.details", str(number)) for number in range(500)]
    for key in keys:
        await valkey.set(key.text, b"1", px=60_000)
    before = (await valkey.info("commandstats")).get("cmdstat_mget", {"calls": 0})["calls"]
    assert len(await cache.get_many(keys)) == 500
    after = (await valkey.info("commandstats"))["cmdstat_mget"]["calls"]
    assert after - before == 1


@pytest.mark.parametrize("content", [b"\xff\x00", b"{", b"", b"NaN"])
async def test_a_value_that_is_no_json_is_a_miss(
    content: bytes, cache: ContextCache, valkey: redis.Redis
) -> None:
    await valkey.set(KEY.text, content)
    assert await cache.get_many([KEY]) == {}
    assert cache.stats.failures == 0


async def test_a_value_of_another_type_is_a_miss_and_may_be_replaced(
    cache: ContextCache, other_worker: ContextCache, valkey: redis.Redis
) -> None:
    await valkey.rpush(KEY.text, "a", "b")
    assert await cache.get_many([KEY]) == {}
    await cache.put(KEY, 7, TTL)
    assert await other_worker.get_many([KEY]) == {KEY: 7}


async def test_a_flushed_cache_is_only_empty(cache: ContextCache, valkey: redis.Redis) -> None:
    await cache.put(KEY, 1, timedelta(hours=1))
    await valkey.flushall()
    assert await cache.get_many([OTHER]) == {}
    assert cache.stats.failures == 0


async def test_a_value_that_was_given_out_cannot_change_the_cached_one(
    cache: ContextCache,
) -> None:
    put = {"a": [1]}
    await cache.put(KEY, put, TTL)
    put["a"].append(2)
    given = (await cache.get_many([KEY]))[KEY]
    assert isinstance(given, dict)
    given["a"].append(3)
    assert await cache.get_many([KEY]) == {KEY: {"a": [1]}}


async def test_the_own_memory_forgets_in_time(clock: Clock) -> None:
    cache = ContextCache(None, clock=clock)
    await cache.put(KEY, 1, timedelta(seconds=5))
    clock.now += 4.9
    assert await cache.get_many([KEY]) == {KEY: 1}
    clock.now += 0.2
    assert await cache.get_many([KEY]) == {}
    await cache.close()


async def test_the_own_memory_is_bounded() -> None:
    cache = ContextCache(None)
    value = "x" * 1_000_000
    for number in range(60):
        await cache.put(CacheKey("large", str(number)), value, TTL)
    kept = [n for n in range(60) if await cache.get_many([CacheKey("large", str(n))])]
    assert 10 <= len(kept) < 40
    assert kept[-1] == 59
    await cache.close()


async def test_many_callers_at_once_are_no_failure(cache: ContextCache) -> None:
    await cache.put(KEY, 1, TTL)
    keys = [CacheKey("r", str(number)) for number in range(CALLERS)]
    await asyncio.gather(*(cache.put(key, 1, TTL) for key in keys))
    assert cache.stats.failures == 0


# S89
async def test_a_hung_redis_is_a_miss_in_time_and_soon_not_asked_at_all(
    server: Server, cache: ContextCache, clock: Clock
) -> None:
    await cache.put(KEY, 1, TTL)
    clock.now += 60
    server.hang()
    for _ in range(3):
        found, seconds = await timed(cache)
        assert found == {}
        assert seconds < REDIS_SECONDS + SLACK_SECONDS
    assert (cache.stats.failures, cache.stats.opened) == (3, 1)
    for _ in range(100):
        await timed(cache)
    assert cache.stats.failures == 3
    server.wake()
    clock.now += OPEN_SECONDS + 1
    found, _ = await timed(cache)
    assert found == {KEY: 1}


# S89
async def test_writing_to_a_hung_redis_neither_raises_nor_waits(
    server: Server, cache: ContextCache
) -> None:
    server.hang()
    begun = time.monotonic()
    await cache.put(KEY, 1, TTL)
    assert time.monotonic() - begun < REDIS_SECONDS + SLACK_SECONDS
    assert await cache.get_many([KEY]) == {KEY: 1}
    assert cache.stats.failures == 1


# S89
async def test_many_callers_of_a_hung_redis_open_the_breaker_once(
    server: Server, cache: ContextCache
) -> None:
    server.hang()
    keys = [CacheKey("r", str(number)) for number in range(40)]
    begun = time.monotonic()
    await asyncio.gather(*(cache.get_many([key]) for key in keys))
    assert time.monotonic() - begun < 2 * REDIS_SECONDS + SLACK_SECONDS
    assert cache.stats.opened == 1


# S89
async def test_a_dead_redis_is_a_miss_and_is_used_again_when_it_is_back(
    server: Server, cache: ContextCache, clock: Clock
) -> None:
    await cache.put(KEY, 1, TTL)
    server.kill()
    for number in range(5):
        found, seconds = await timed(cache, CacheKey("r", str(number)))
        assert found == {}
        assert seconds < REDIS_SECONDS + SLACK_SECONDS
    assert cache.stats.opened == 1
    await cache.put(OTHER, 2, TTL)
    assert await cache.get_many([OTHER]) == {OTHER: 2}
    server.start_again()
    clock.now += OPEN_SECONDS + 1
    await cache.put(OTHER, 3, TTL)
    clock.now += 60
    assert await cache.get_many([OTHER]) == {OTHER: 3}


# S89
async def test_after_the_pause_one_more_failure_is_enough(
    server: Server, cache: ContextCache, clock: Clock
) -> None:
    server.kill()
    for _ in range(3):
        await cache.get_many([KEY])
    clock.now += OPEN_SECONDS + 1
    await cache.get_many([KEY])
    await cache.get_many([KEY])
    assert (cache.stats.failures, cache.stats.opened) == (4, 2)


# S89
async def test_a_server_that_talks_nonsense_is_a_miss() -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    cache = ContextCache(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    assert await cache.get_many([KEY]) == {}
    await cache.put(OTHER, 1, TTL)
    assert await cache.get_many([OTHER]) == {OTHER: 1}
    await cache.close()
    server.close()
