"""The sweep: kept events meet what waits for them, whoever died that should have seen to it."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.driver import Driver
from streams.meeting import NOWHERE, bring_together
from streams.work import Work

EVERY_SECONDS = 60.0
"""How often at least some worker sweeps (reliability.md); each of them asks once a second."""
ASK_SECONDS = 1.0
SETTLED = timedelta(seconds=120)
"""A wait that was older than this when a sweep began is not looked at again: every transaction that
may have missed it was over, and no transaction lasts half as long."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Begun:
    """A sweep under way."""

    at: datetime
    since: datetime
    """Waits that opened before have been looked at by an earlier sweep."""
    rests: Sequence[str]
    """The names of what events left behind; with any of them all waits are looked at."""


class Sweep:
    """Looks through open waits and watches, page by page; one worker of a deployment at a time."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._pages: AsyncIterator[None] | None = None
        self._ask_at, self._is_first = 0.0, True

    async def go_on(self) -> bool:
        """Sweep the next page once it is time; tell whether another one follows at once."""
        if self._pages is None:
            begun = await self._begin()
            if begun is None:
                return False
            self._pages = self._sweep(begun)
        try:
            await anext(self._pages)
        except StopAsyncIteration:
            self._pages = None
            return False
        return True

    async def _begin(self) -> Begun | None:
        now = asyncio.get_running_loop().time()
        if now < self._ask_at:
            return None
        self._ask_at = now + ASK_SECONDS
        # Who starts does not wait for its turn: it may be the first after a crash of all.
        jitter = random.uniform(0.75, 0.95)  # noqa: S311  (not a secret)
        every = 0.0 if self._is_first else EVERY_SECONDS * jitter
        begun = await self._driver.run_until_done(lambda work: _claim(work, every), "sweep")
        self._is_first = False
        return begun

    async def _sweep(self, begun: Begun) -> AsyncIterator[None]:
        before: datetime | None = begun.at
        while before is not None:
            page = await self._page("find_met_waits", since=begun.since, before=before)
            before = page["before"]
            await bring_together(self._driver, page["ids"])
            yield
        place: dict[str, object] | None = {"correlation": "", "execution_id": NOWHERE}
        while place is not None:
            page = await self._page("find_met_watches", **place)
            place = {name: page[name] for name in place} if page["correlation"] else None
            await bring_together(self._driver, (), page["ids"])
            yield
        await self._driver.run_until_done(lambda work: _end(work, begun), "sweep")

    async def _page(self, name: str, **place: object) -> dict[str, Any]:
        async def body(work: Work) -> dict[str, Any]:
            await work.transaction.run("go_on_sweeping")
            return (await work.transaction.fetch(name, **place))[0]

        return await self._driver.run_until_done(body, "sweep")


async def _claim(work: Work, every_seconds: float) -> Begun | None:
    claimed = await work.transaction.fetch("claim_sweep", every_seconds=every_seconds)
    if not claimed:
        return None
    known = (await work.transaction.fetch("begin_sweep"))[0]
    at = claimed[0]["done_until"]
    whole = known["rests"] or known["swept_until"] is None
    since = EPOCH if whole else min(known["swept_until"], at - SETTLED)
    return Begun(at, since, known["rests"])


async def _end(work: Work, begun: Begun) -> None:
    """Note how far everything has met; what was left behind meanwhile is due at once."""
    await work.transaction.run("note_sweep", swept_until=begun.at - SETTLED)
    await work.transaction.run("end_rests", rests=list(begun.rests))
    await work.transaction.run("hasten_sweep")
