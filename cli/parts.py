"""What commands build from settings: the composition root (style.md rule 10)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from config.settings import Settings, load_settings, require_kafka_and_database

if TYPE_CHECKING:
    from storage.store import PostgresStore
    from streams.producer import KafkaOut

FIRST_CONTACT_SECONDS = 5.0


def settings_for_both(**flags: Any) -> Settings:
    """Return settings that name a broker and a database."""
    settings = load_settings(**flags)
    require_kafka_and_database(settings)
    return settings


def settings_for_database(**flags: Any) -> Settings:
    """Return settings that name a database."""
    from config.errors import SettingMissing
    from config.settings import EMBEDDED_HINT

    settings = load_settings(**flags)
    if settings.database_url is None:
        raise SettingMissing("DATABASE_URL", EMBEDDED_HINT)
    return settings


@asynccontextmanager
async def open_store(
    settings: Settings, *, check: bool = True, bounded: bool = True
) -> "AsyncIterator[PostgresStore]":
    """Open the database; raises DatabaseUnreachable at the first failed contact.

    What is `bounded` is given up where it has no answer for long; a large registration is not.
    """
    from storage.migrate import require_schema
    from storage.store import ANSWER_SECONDS, PostgresStore

    patience = ANSWER_SECONDS if bounded else None
    store = PostgresStore(
        settings.database, pool_size=2, name="sluicegate cli", answer_seconds=patience
    )
    await store.open(within=FIRST_CONTACT_SECONDS)
    try:
        if check:
            await require_schema(store)
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def open_producer(settings: Settings) -> "AsyncIterator[KafkaOut]":
    """Open a producer; raises BrokerUnreachable at the first failed contact."""
    from config.errors import SettingMissing
    from config.settings import EMBEDDED_HINT
    from streams.admin import Admin
    from streams.producer import KafkaOut

    if not settings.kafka_bootstrap_servers:
        raise SettingMissing("KAFKA_BOOTSTRAP_SERVERS", EMBEDDED_HINT)
    security = settings.kafka_security()
    await Admin(settings.kafka, security, seconds=FIRST_CONTACT_SECONDS).ping()
    out = KafkaOut(settings.kafka, security, linger_ms=0, timeout_ms=10_000)
    try:
        yield out
    finally:
        await out.close()
