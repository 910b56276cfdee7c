"""Dead letters, lag and schedules as they are answered."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from api.shapes.common import AT, Instant, Page
from streams.published import EXECUTION, Json, example


class Schedule(BaseModel):
    """When a workflow starts by itself."""

    model_config = example(
        name="stock-count",
        workflow="stock-count",
        version=1,
        enabled=True,
        cron="0 6 * * *",
        timezone="Europe/Berlin",
        last_slot=AT,
        next_slot="2026-11-23T05:00:00+00:00",
        dropped=0,
        buffered=False,
        last_execution_id=EXECUTION,
    )

    name: str
    workflow: str
    version: int
    enabled: bool
    cron: str
    timezone: str
    last_slot: Instant
    next_slot: Instant
    dropped: int = Field(description="Missed slots that were passed over.")
    buffered: bool = Field(description="A slot waits until the run before it has ended.")
    last_execution_id: str | None


class DeadLetter(BaseModel):
    """A record that could not be read or placed."""

    id: int
    topic: str
    partition: int
    record_offset: int
    record_timestamp: Instant
    error_type: str
    error_message: str
    attempts: int
    failed_at: AwareDatetime
    status: Literal["open", "replayed", "discarded"]
    workflow: str | None


class Content(BaseModel):
    """Bytes: `text` where they are UTF-8, else `base64`."""

    text: str | None = None
    base64: str | None = None


class Header(BaseModel):
    """A header of a record."""

    name: str
    value: Content | None


class WholeDeadLetter(DeadLetter):
    """A dead letter with its key, value and headers: text where they are text."""

    record_key: Content | None
    value: Content | None
    headers: list[Header]
    consumer_group: str
    execution_id: str | None = Field(description="The execution that it names, if it names one.")
    redrives: list[Json] = Field(description="Who did what about it, when and why.")


class PartitionLag(BaseModel):
    """One partition: what will be read next, and where the log ends."""

    topic: str
    partition: int
    next_offset: int
    end: int | None
    behind: int
    moved_at: AwareDatetime


class Member(BaseModel):
    """A worker of the group."""

    name: str
    partitions: int


class Lag(BaseModel):
    """How far the workers are behind, and who they are."""

    group: str
    state: str
    members: list[Member] = Field(description="Empty where the broker does not tell (`dev`'s).")
    behind: int
    items: list[PartitionLag]


class SchedulePage(Page):
    """Schedules by name."""

    items: list[Schedule]


class DeadLetterPage(Page):
    """Dead letters, newest first."""

    items: list[DeadLetter]
