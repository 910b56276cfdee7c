"""`sluicegate serve`: the HTTP interface and the inbox."""

import asyncio
import logging
import signal
from types import FrameType
from typing import Any

from cli.errors import fail
from config.logging import configure_logging
from config.settings import Settings, load_settings, require_kafka_and_database, require_modes

LONGEST_PAUSE = 5.0
log = logging.getLogger("sluicegate.api")


def run_server(**flags: Any) -> int:
    """Serve until SIGTERM; returns the exit code."""
    settings = load_settings(**flags)
    require_kafka_and_database(settings)
    require_modes(settings)
    configure_logging(settings.log_level, settings.log_format)
    parts = _build(settings)
    asyncio.run(_await_database(parts.store))
    server = _server(parts, settings)
    # The server raises the signal again when it has drained.
    signal.signal(signal.SIGTERM, _end)
    try:
        server.run()
    except SystemExit as end:
        if end.code and not server.started:
            at = f"{settings.host}:{settings.port}"
            fail(f"cannot listen on {at} (see above); choose another --host or --port")
        raise
    return 0 if server.started else 1


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _server(parts: Any, settings: Settings) -> Any:
    import uvicorn

    from api.app import create_api

    app = create_api(parts)

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: Any = None) -> None:
            # Streams never end by themselves, and the server would wait for them.
            await asyncio.gather(app.state.live.close(), app.state.feed.close())
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    return Server(config)


def _build(settings: Settings) -> Any:
    from api.parts import Parts
    from storage.reading import Reading
    from storage.store import ANSWER_SECONDS, PostgresStore
    from streams.admin import Admin
    from streams.producer import KafkaOut
    from streams.topics import Topics

    store = PostgresStore(
        settings.database,
        pool_size=settings.pool_size,
        name="sluicegate api",
        answer_seconds=ANSWER_SECONDS,
    )
    security = settings.kafka_security()
    return Parts(
        settings,
        Topics(settings.topic_prefix),
        store,
        Reading(store),
        KafkaOut(settings.kafka, security, linger_ms=0, timeout_ms=10_000),
        Admin(settings.kafka, security, seconds=3),
    )


async def _await_database(store: Any) -> None:
    """Wait for the database with growing pauses; then require its schema."""
    from storage.errors import DatabaseUnreachable
    from storage.migrate import require_schema
    from storage.store import PostgresStore

    pause = 0.2
    while True:
        probe = PostgresStore(store.url, pool_size=2)
        try:
            await probe.open(within=5)
            await require_schema(probe)
            return
        except DatabaseUnreachable as problem:
            pause = min(pause * 2, LONGEST_PAUSE)
            log.warning("%s; trying again in %.1f s", problem, pause)
            await asyncio.sleep(pause)
        finally:
            await probe.close()
