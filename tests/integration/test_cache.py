"""The context cache on a real Valkey that dies and hangs (requirements.md S86-S89)."""

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest

from devstack.processes import end
from devstack.valkey import Valkey
from storage.cache import CacheKey, ContextCache

KEY = CacheKey("order.details", "ord_123")
TTL = timedelta(minutes=5)


@pytest.fixture
def valkey(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A server of its own, with its process."""
    server = Valkey(tmp_path)
    server.prepare()
    process = server.start()
    deadline = time.monotonic() + 10
    while not server.answers():
        assert time.monotonic() < deadline
    yield f"redis://127.0.0.1:{server.port}/0", process
    if process.poll() is None:
        os.kill(process.pid, signal.SIGCONT)
        end(process, signal.SIGTERM, 5)


# S86 S87 S88
async def test_a_value_is_found_by_another_process_under_its_key(valkey) -> None:  # type: ignore[no-untyped-def]
    url, _ = valkey
    one, two = ContextCache(url), ContextCache(url)
    await one.put(KEY, {"total": 5}, TTL)
    assert await two.get_many([KEY, CacheKey("a", "b")]) == {KEY: {"total": 5}}
    assert KEY.text == "context:order.details:ord_123"
    assert (two.stats.redis_hits, two.stats.misses) == (1, 1)
    await one.close()
    await two.close()


# S89
@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
async def test_without_its_server_the_cache_only_misses_and_never_waits_long(  # type: ignore[no-untyped-def]
    valkey, how: signal.Signals
) -> None:
    url, process = valkey
    cache = ContextCache(url)
    await cache.put(KEY, 1, TTL)
    process.send_signal(how)
    for number in range(6):
        begun = time.monotonic()
        assert await cache.get_many([CacheKey("x", str(number))]) == {}
        assert time.monotonic() - begun < 0.5
    assert cache.stats.failures <= 4
    assert await cache.get_many([KEY]) == {KEY: 1}
    await cache.close()


async def test_without_redis_the_cache_works_in_process() -> None:
    now = 0.0
    cache = ContextCache(None, clock=lambda: now)
    await cache.put(KEY, 1, timedelta(seconds=5))
    assert await cache.get_many([KEY]) == {KEY: 1}
    now = 6.0
    assert await cache.get_many([KEY]) == {}
    await cache.put(KEY, 1, timedelta())
    assert await cache.get_many([KEY]) == {}


async def test_a_value_of_another_kind_in_redis_is_a_miss(valkey) -> None:  # type: ignore[no-untyped-def]
    import redis

    url, _ = valkey
    with redis.Redis.from_url(url) as client:
        client.set(KEY.text, b"no json")
    cache = ContextCache(url)
    assert await cache.get_many([KEY]) == {}
    await cache.close()
