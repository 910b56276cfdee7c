"""The Faust application: agents that receive record batches, and the loops beside them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import faust

from actions.loaders import Resources
from actions.registry import Actions
from config.settings import Settings
from storage.cache import ContextCache
from storage.store import PostgresStore
from streams.admin import Admin
from streams.agents.decisions import DecisionsHandler
from streams.agents.events import EventsHandler
from streams.catalog import Catalog
from streams.codecs import RawRecord
from streams.dead_letters import DeadLetters
from streams.dispatcher import Dispatcher
from streams.driver import Driver
from streams.enrichment import Enrichment
from streams.intake import Handler, Intake
from streams.outbound import Outbound
from streams.position import LogState, Partition, Positions
from streams.producer import KafkaOut
from streams.relay import Relay
from streams.schemas import Schemas
from streams.security import librdkafka_properties
from streams.ticker import Ticker
from streams.topics import Topics
from streams.transport import BatchApp

DRAIN_SECONDS = 5.0
log = logging.getLogger("sluicegate.worker")
