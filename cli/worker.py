"""`sluicegate worker`: one member of the consumer group."""

import asyncio
import contextlib
import ctypes
import gc
import logging
import sys
from typing import TYPE_CHECKING, Any

from config.logging import configure_logging
from config.settings import Settings, load_settings, require_kafka_and_database, require_modes

if TYPE_CHECKING:
    from streams.worker import Worker

LONGEST_PAUSE = 5.0
# Options of glibc's mallopt(3).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
log = logging.getLogger("sluicegate.worker")


def run_worker(**flags: Any) -> int:
    """Run until SIGTERM; returns the exit code."""
    settings = load_settings(**flags)
    require_kafka_and_database(settings)
    require_modes(settings)
    configure_logging(settings.log_level, settings.log_format, settings.hidden())
    import uvloop

    from streams.failpoints import arm
    from streams.process import run_process
    from streams.worker import build_worker

    arm(settings.failpoint)

    worker = build_worker(settings, _store(settings), _cache(settings), _rows())
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    app = loop.run_until_complete(_prepare(worker))
    _tune_memory()
    return run_process(app, loop, settings.log_level.lower(), settings.worker_parent)


def _tune_memory() -> None:
    """Give large blocks back at once; keep what lives for ever out of collections."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            set_option = ctypes.CDLL(None).mallopt
            set_option(M_MMAP_THRESHOLD, 1024 * 1024)
            set_option(M_TRIM_THRESHOLD, 4 * 1024 * 1024)
            set_option(M_ARENA_MAX, 2)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _store(settings: Settings) -> Any:
    from storage.store import PostgresStore

    return PostgresStore(settings.database, pool_size=settings.pool_size, name="sluicegate worker")


def _cache(settings: Settings) -> Any:
    from storage.cache import ContextCache

    return ContextCache(settings.redis)


def _rows() -> Any:
    from storage.sql_source import SqlRows

    return SqlRows()


async def _prepare(worker: "Worker") -> Any:
    """Wait for database and broker, refuse what would lose work, and build the application."""
    from config.checks import require_sound
    from storage.errors import DatabaseUnreachable
    from storage.migrate import require_schema
    from streams.admin import BrokerUnreachable
    from streams.app import create_app, resolve_event_topics
    from streams.preflight import preflight, tell

    async def look() -> list[str]:
        await worker.store.open(within=5)
        await require_schema(worker.store)
        event_topics = await resolve_event_topics(worker.settings, worker.admin)
        checks = await preflight(worker.settings, worker.store, worker.admin, event_topics)
        tell(require_sound(checks))
        await worker.refresh()
        return event_topics

    pause = 0.2
    while True:
        try:
            return create_app(worker, await look())
        except (DatabaseUnreachable, BrokerUnreachable) as problem:
            pause = min(pause * 2, LONGEST_PAUSE)
            log.warning("%s; trying again in %.1f s", problem, pause)
            await asyncio.sleep(pause)
        except Exception:
            await worker.store.close()
            raise
