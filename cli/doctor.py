"""`sluicegate doctor`: what this deployment needs, checked, with the command that mends it."""

from collections.abc import AsyncIterator

from cli.errors import FAILED, MIGRATION_NEEDED, OK, UNREACHABLE
from cli.printing import write_line
from cli.show import print_json
from config.checks import Check
from config.settings import Settings, load_settings, masked

NEEDED = (
    "KAFKA_BOOTSTRAP_SERVERS",
    "DATABASE_URL",
    "SLUICEGATE_AUTH",
    "SLUICEGATE_DECISION_AUTH",
    "database",
    "broker",
)
"""Settings that must be there, and what they lead to."""


async def examine(as_json: bool) -> int:
    """Print every check; returns the exit code."""
    settings = load_settings()
    checks = [check async for check in _checks(settings)]
    if as_json:
        print_json(
            [{"name": c.name, "ok": c.good, "answer": c.answer, "remedy": c.remedy} for c in checks]
        )
    for check in () if as_json else checks:
        write_line(f"{'ok  ' if check.good else 'BAD '} {check.name}: {check.answer}")
        if check.remedy and not check.good:
            write_line(f"       {check.remedy}")
    return _exit_code({check.name for check in checks if not check.good})


def _exit_code(bad: set[str]) -> int:
    if not bad:
        return OK
    if not bad.isdisjoint(NEEDED):
        return UNREACHABLE
    return MIGRATION_NEEDED if "schema" in bad else FAILED


async def _checks(settings: Settings) -> AsyncIterator[Check]:
    for name, value, example in (
        ("KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers, "localhost:9092"),
        (
            "DATABASE_URL",
            settings.database and masked(settings.database),
            "postgresql://USER:PASSWORD@localhost:5432/sluicegate",
        ),
        ("SLUICEGATE_AUTH", settings.auth, "none"),
        ("SLUICEGATE_DECISION_AUTH", settings.decision_auth, "acl"),
    ):
        has_place = name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL")
        remedy = f"set {name}, such as {example}" if has_place else f"export {name}={example}"
        yield Check(name, bool(value), value or "not set", remedy)
    if settings.database:
        async for check in _database_checks(settings):
            yield check
    if settings.kafka_bootstrap_servers:
        async for check in _broker_checks(settings):
            yield check
    if settings.redis is not None:
        yield await _redis_check(settings.redis)


async def _database_checks(settings: Settings) -> AsyncIterator[Check]:
    from cli.parts import open_store
    from storage.errors import DatabaseUnreachable
    from storage.preflight import database_checks

    try:
        async with open_store(settings, check=False) as store:
            yield Check("database", True, store.address)
            for check in await database_checks(store):
                yield check
    except DatabaseUnreachable as problem:
        yield Check("database", False, str(problem), "start PostgreSQL, or correct DATABASE_URL")


async def _broker_checks(settings: Settings) -> AsyncIterator[Check]:
    from streams.admin import Admin, BrokerUnreachable
    from streams.app import resolve_event_topics
    from streams.preflight import topic_checks

    admin = Admin(settings.kafka, settings.kafka_security(), seconds=5)
    try:
        await admin.ping()
        yield Check("broker", True, settings.kafka)
        event_topics = await resolve_event_topics(settings, admin)
        for check in await topic_checks(settings, admin, event_topics):
            yield check
    except BrokerUnreachable as problem:
        remedy = "start Kafka, or correct KAFKA_BOOTSTRAP_SERVERS"
        yield Check("broker", False, str(problem), remedy)


async def _redis_check(url: str) -> Check:
    from storage.cache import takes_values

    good = await takes_values(url)
    answer = "answers" if good else "does not answer: executions go on without the cache"
    return Check("redis", good, answer, "start Redis, or unset REDIS_URL")
