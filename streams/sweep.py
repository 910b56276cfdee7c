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
REGULAR_SECONDS = EVERY_SECONDS * 2 / 3
"""A sweep that was hastened looks at everything too, if the last one to do so is this long ago."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Begun:
    """A sweep under way."""

    at: datetime
    since: datetime | None
    """Waits that opened before have been looked at by an earlier sweep; None: all have been."""
    rests: Sequence[str]
    """The names of what events have left behind: `rest <correlation> <event row id>`."""

    @property
    def correlations(self) -> list[str]:
        """What the waits and watches of the rests are found by."""
        return sorted({name.split(" ")[1] for name in self.rests})

    @property
    def events(self) -> list[str]:
        """The events of the rests."""
        return sorted({name.split(" ")[2] for name in self.rests})


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
        if begun.rests:
            async for _ in self._end_rests(begun):
                yield
        if begun.since is not None:
            async for _ in self._look_at_all(begun.since, begun.at):
                yield
        await self._driver.run_until_done(lambda work: _end(work, begun), "sweep")

    async def _end_rests(self, begun: Begun) -> AsyncIterator[None]:
        """Bring events to what they left behind."""
        asked: dict[str, object] = {"correlations": begun.correlations}
        after: object = NOWHERE
        while page := await self._page("find_rest_waits", **asked, after=after):
            after = page[-1]["execution_id"]
            ids = [row["id"] for row in page]
            await bring_together(self._driver, ids, events=begun.events)
            yield
        after = NOWHERE
        while page := await self._page("find_rest_watches", **asked, after=after):
            after = page[-1]["execution_id"]
            await bring_together(self._driver, (), [row["execution_id"] for row in page])
            yield

    async def _look_at_all(self, since: datetime, until: datetime) -> AsyncIterator[None]:
        """Look at waits that opened in between, and at all watches."""
        before: datetime | None = until
        while before is not None:
            (page,) = await self._page("find_met_waits", since=since, before=before)
            before = page["before"]
            await bring_together(self._driver, page["ids"])
            yield
        place: dict[str, object] | None = {"correlation": "", "execution_id": NOWHERE}
        while place is not None:
            (page,) = await self._page("find_met_watches", **place)
            place = {name: page[name] for name in place} if page["correlation"] else None
            await bring_together(self._driver, (), page["ids"])
            yield

    async def _page(self, name: str, **place: object) -> list[dict[str, Any]]:
        async def body(work: Work) -> list[dict[str, Any]]:
            await work.transaction.run("go_on_sweeping")
            return await work.transaction.fetch(name, **place)

        return await self._driver.run_until_done(body, "sweep")


async def _claim(work: Work, every_seconds: float) -> Begun | None:
    claimed = await work.transaction.fetch("claim_sweep", every_seconds=every_seconds)
    if not claimed:
        return None
    known = (await work.transaction.fetch("begin_sweep"))[0]
    at = claimed[0]["done_until"]
    return Begun(at, since_of(at, known["swept_until"], every_seconds), known["rests"])


def since_of(at: datetime, swept_until: datetime | None, every_seconds: float) -> datetime | None:
    """Return from when on a sweep looks at waits, None if that has just been done by another."""
    if swept_until is None:
        return EPOCH
    recent = swept_until > at - SETTLED - timedelta(seconds=REGULAR_SECONDS)
    return None if recent and every_seconds else min(swept_until, at - SETTLED)


async def _end(work: Work, begun: Begun) -> None:
    """Note how far everything has met; what was left behind meanwhile is due at once."""
    if begun.since is not None:
        await work.transaction.run("note_sweep", swept_until=begun.at - SETTLED)
    await work.transaction.run("end_rests", rests=list(begun.rests))
    await work.transaction.run("hasten_sweep")
