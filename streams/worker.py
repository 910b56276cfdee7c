"""The parts of a worker, put together: agents' intakes and the loops beside them."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from socket import gethostname
from typing import Any
from uuid import uuid4

from actions.channels import channels_of
from actions.guard import Guard
from actions.loaders import Resources
from actions.registry import Actions, load_actions
from actions.sources import RowReader
from config.routes import parse_routes
from config.settings import Settings
from storage.cache import ContextCache
from storage.errors import DatabaseUnreachable
from storage.housekeeping import Housekeeping, retention_of
from storage.store import TRANSIENT, PostgresStore
from streams.admin import Admin, BrokerUnreachable
from streams.agents.commands import CommandsHandler
from streams.agents.decisions import DecisionsHandler
from streams.agents.events import EventsHandler
from streams.announce import Announcer
from streams.assignment import Assignment
from streams.catalog import Catalog
from streams.dead_letters import DeadLetters
from streams.dispatcher import Dispatcher
from streams.driver import Driver
from streams.enrichment import Enrichment
from streams.gathering import Gathering
from streams.housekeeping import keep_house, keep_queues_small
from streams.intake import Handler, Intake
from streams.notices import Notices
from streams.outbound import Outbound
from streams.position import Partition, Positions
from streams.preflight import watch
from streams.probation import Probation
from streams.producer import KafkaOut
from streams.relay import Relay
from streams.scheduler import Scheduler
from streams.schemas import Schemas
from streams.ticker import Ticker
from streams.tombstones import Tombstones
from streams.topics import Topics
from streams.unpublished import Unpublished
from streams.watermark import Watermark

DRAIN_SECONDS = 5.0
TOPICS_SECONDS = 3.0
CATALOG_SECONDS = CANCEL_SECONDS = 1.0
log = logging.getLogger("sluicegate.worker")


def worker_name() -> str:
    """Return a name for this process that no other has ever had."""
    return f"{gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


async def end_all(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel loops until each has ended.

    Once is not enough: before Python 3.12 `asyncio.wait_for`, with which psycopg waits, loses a
    cancellation that comes together with the answer.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_SECONDS)


@dataclass(slots=True)
class Worker:
    """One worker: what its agents call, and the loops it runs."""

    settings: Settings
    topics: Topics
    store: PostgresStore
    admin: Admin
    catalog: Catalog
    driver: Driver
    cache: ContextCache
    resources: Resources
    events: EventsHandler
    decisions: DecisionsHandler
    commands: CommandsHandler
    gathering: Gathering
    announcer: Announcer
    rows: RowReader | None = None
    actions: Actions | None = None
    dispatcher: Dispatcher | None = None
    out: KafkaOut | None = None
    event_topics: Sequence[str] = ()
    """The topics that its agent reads; named by whoever builds the application."""
    tasks: tuple[asyncio.Task[None], ...] = ()

    def intake(self, handler: Handler, positions: Positions, probation: Probation) -> Intake:
        """Return what takes the batches of one agent."""
        return Intake(self.driver, self.catalog, positions, probation, handler)

    def probation(self) -> Probation:
        """Return what tells of workers that died."""
        settings = self.settings
        return Probation(self.store, settings.group_id, self.driver.worker, settings.batch_size)

    def positions(self, seek_back: Callable[[], Awaitable[None]]) -> Positions:
        """Return this group's positions."""
        return Positions(
            self.store,
            self.settings.group_id,
            accept_gaps=self.settings.on_gap == "accept",
            log_start=self._log_start,
            holds_record=self.admin.holds_record,
            seek_back=seek_back,
            on_recreated=self._announce_again,
        )

    async def _log_start(self, partition: Partition) -> int:
        """Return where the log of a partition begins, 0 if it does not say."""
        return (await self.admin.starts([partition])).get(partition, 0)

    async def _announce_again(self, partition: Partition) -> None:
        """Fill the waiting topic again when a broker came back without its topics."""
        if partition == self.first:
            await self.announcer.look(anew=True)

    @property
    def first(self) -> Partition:
        """The partition whose owner sees to what one worker does for all."""
        return Partition(self.topics.decisions, 0)

    async def follow_topics(self, assignment: Assignment) -> None:
        """Notice topics that are made anew while this worker runs."""
        while True:
            await asyncio.sleep(TOPICS_SECONDS)
            with contextlib.suppress(*TRANSIENT, DatabaseUnreachable, BrokerUnreachable):
                await assignment.look()
                if self.first in assignment.held:
                    await self.announcer.look()

    async def start(self, assignment: Assignment) -> None:
        """Open connections and begin the loops; call inside the running event loop."""
        settings = self.settings
        await self.refresh()
        self.out = KafkaOut(settings.kafka, settings.kafka_security())
        guard = Guard(settings.webhook_allow, allow_private=settings.allow_private)
        self.actions = load_actions(
            guard,
            self.resources,
            settings.secrets,
            channels=channels_of(settings),
            rows=self.rows,
        )
        enrichment = Enrichment(self.resources, self.cache)
        self.dispatcher = Dispatcher(
            self.store, self.driver, self.actions, enrichment, settings.max_output_bytes
        )
        own = [*self.event_topics, *(spec.name for spec in self.topics.specs())]
        unpublished = Unpublished(own, self.topics.dead_letters, settings.group_id)
        relay = Relay(self.store, self.out, unpublished)
        ticker = Ticker(
            self.driver,
            self.decisions,
            self.gathering,
            watermark=Watermark(self.store, self.admin, self.topics.decisions, settings.group_id),
            keep_early_seconds=settings.early_decision_seconds,
            look_seconds=settings.timer_seconds,
        )
        tombstones = Tombstones(
            self.store, self.topics.waiting, after_seconds=settings.tombstone_seconds
        )
        housekeeping = Housekeeping(
            self.store, retention_of(settings.retention_days, settings.event_id_days)
        )
        self.driver.followers = [relay, self.dispatcher, ticker]
        self.tasks = tuple(
            self._spawn(name, loop)
            for name, loop in (
                ("relay", relay.run()),
                ("dispatcher", self.dispatcher.run()),
                ("claims", self.dispatcher.claim()),
                ("timers", ticker.run_timers()),
                ("meetings", ticker.run_meetings()),
                ("tombstones", tombstones.run()),
                ("housekeeping", keep_house(housekeeping, settings.housekeeping_seconds)),
                ("vacuum", keep_queues_small(housekeeping)),
                ("schedules", Scheduler(self.driver, self.catalog).run()),
                ("catalog", self._follow_catalog()),
                ("topics", self.follow_topics(assignment)),
                ("preflight", watch(settings, self.store, self.admin, self.event_topics)),
            )
        )

    async def refresh(self) -> None:
        """Read definitions and resources that changed."""
        await self.catalog.refresh()
        self.resources.replace(self.catalog.resources)

    async def _follow_catalog(self) -> None:
        while True:
            await asyncio.sleep(CATALOG_SECONDS)
            with contextlib.suppress(Exception):
                await self.refresh()

    def _spawn(self, name: str, loop: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(loop, name=name)
        task.add_done_callback(self._crash_if_failed)
        return task

    @staticmethod
    def _crash_if_failed(task: asyncio.Task[None]) -> None:
        """End the process when a loop fails: a half-working worker is worse than none."""
        if task.cancelled() or task.exception() is None:
            return
        log.critical("the loop %s failed", task.get_name(), exc_info=task.exception())
        os._exit(70)

    async def drain(self) -> None:
        """Finish what is under way, hand over the rest."""
        if self.dispatcher is not None:
            with contextlib.suppress(Exception):
                await self.dispatcher.drain(DRAIN_SECONDS)
        await end_all(self.tasks)

    async def close(self) -> None:
        """Close every connection."""
        if self.actions is not None:
            await self.actions.close()
        if self.out is not None:
            await self.out.close()
        await self.cache.close()
        if self.dispatcher is not None:
            with contextlib.suppress(Exception):
                await self.dispatcher.release()
        await self.store.close()


def build_worker(
    settings: Settings, store: PostgresStore, cache: ContextCache, rows: RowReader | None = None
) -> Worker:
    """Return a worker that has opened nothing yet."""
    topics = Topics(settings.topic_prefix)
    admin = Admin(settings.kafka, settings.kafka_security())
    outbound = Outbound(topics, settings.event_topics[0])
    notices = Notices(parse_routes(settings.notify_approvals), settings.public_url)
    catalog = Catalog(store, settings)
    resources = Resources()
    schemas = Schemas()
    dead_letters = DeadLetters(topics, settings.group_id)
    gathering = Gathering(catalog, schemas)
    return Worker(
        settings=settings,
        topics=topics,
        store=store,
        admin=admin,
        catalog=catalog,
        driver=Driver(store, catalog, outbound, schemas, worker_name(), notices),
        cache=cache,
        resources=resources,
        events=EventsHandler(
            catalog,
            Enrichment(resources, cache),
            schemas,
            dead_letters,
            gathering,
            settings.event_type_field,
        ),
        decisions=DecisionsHandler(outbound, schemas, dead_letters),
        commands=CommandsHandler(catalog, outbound, schemas, dead_letters),
        gathering=gathering,
        announcer=Announcer(store, admin, outbound, topics.waiting),
        rows=rows,
    )
