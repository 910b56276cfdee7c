"""Broker, database and cache from containers, where a container engine answers (testcontainers)."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from devstack.stack import Addresses


class NoEngine(Exception):
    """Containers were asked for, and no engine answers."""


@dataclass(frozen=True, slots=True)
class ContainerStack:
    """Three running containers."""

    addresses: Addresses


def require_engine() -> None:
    """Raise NoEngine, with the reason, unless a container engine answers."""
    from testcontainers.core.docker_client import DockerClient

    try:
        DockerClient().client.ping()
    except Exception as problem:
        raise NoEngine(
            f"no container engine answers ({problem}); start one, or unset SLUICEGATE_TEST_BROKER"
        ) from problem


@contextmanager
def a_container_stack() -> Iterator[ContainerStack]:
    """Run Apache Kafka, PostgreSQL and Redis in containers while the block lasts."""
    from testcontainers.kafka import KafkaContainer
    from testcontainers.postgres import PostgresContainer
    from testcontainers.redis import RedisContainer

    require_engine()
    with ExitStack() as running:
        kafka = running.enter_context(KafkaContainer().with_kraft())
        postgres = running.enter_context(PostgresContainer("postgres:17", driver=None))
        redis = running.enter_context(RedisContainer("valkey/valkey:8"))
        address = redis.get_container_host_ip(), redis.get_exposed_port(6379)
        yield ContainerStack(
            Addresses(
                kafka.get_bootstrap_server(),
                postgres.get_connection_url(),
                f"redis://{address[0]}:{address[1]}/0",
            )
        )
