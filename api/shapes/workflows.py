"""Workflows as they are answered."""

from pydantic import AwareDatetime, BaseModel, Field

from api.shapes.common import AT, Page
from streams.published import Json, example


class Edition(BaseModel):
    """A version of a workflow in a list."""

    name: str
    version: int
    description: str | None
    enabled: bool
    priority: int
    content_hash: str
    created_at: AwareDatetime


class Workflow(Edition):
    """The latest version of a workflow in a list."""

    labels: Json | None


class WholeWorkflow(Workflow):
    """A version of a workflow with its text."""

    file: str
    definition: str = Field(description="As it was written.")
    body: Json


class WorkflowPage(Page):
    """Workflows by name."""

    items: list[Workflow]


class EditionPage(Page):
    """Versions, newest first."""

    items: list[Edition]


class Place(BaseModel):
    """What is wrong, and where."""

    line: int
    column: int
    problem: str


class Checked(BaseModel):
    """What was found in a definition."""

    model_config = example(valid=True, name="w", content_hash="9f", mistakes=[], warnings=[])

    valid: bool
    name: str | None
    content_hash: str | None
    mistakes: list[Place]
    warnings: list[Place]


class Registered(BaseModel):
    """The version that a definition has now."""

    model_config = example(
        name="w", version=2, content_hash="9f", created_at=AT, changed=True, warnings=[]
    )

    name: str
    version: int
    content_hash: str
    created_at: AwareDatetime
    changed: bool
    warnings: list[Place]
