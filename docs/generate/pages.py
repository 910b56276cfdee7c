"""Every generated file of docs/, by name."""

import json
from pathlib import Path

from config.settings import Settings
from docs.generate import (
    codes,
    language,
    operators,
    problems,
    reliability,
    settings,
    statuses,
    topics,
)
from engine.language.schema import resources_schema, workflow_schema
from streams.asyncapi import document, text_of
from streams.described import Json

DOCS = Path(__file__).parent.parent
NOTE = "<!-- Made from code by `make docs`; do not edit. -->\n\n"


def schema_text(schema: dict[str, object]) -> str:
    """Return a schema as it stands in a file, and as `sluicegate schema` prints it."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def asyncapi() -> Json:
    """Return the AsyncAPI document under the default names."""
    prefix, events = (Settings.model_fields[n].default for n in ("topic_prefix", "event_topics"))
    return document(prefix, events)


def pages() -> dict[str, str]:
    """Return the text of each file."""
    written = {
        "language": language.page(),
        "operators": operators.page(),
        "statuses": statuses.page(),
        "codes": codes.page(),
        "topics": topics.page(),
        "settings": settings.page(),
        "problems": problems.page(),
    }
    reference = {f"reference/{name}.md": NOTE + text for name, text in written.items()}
    return {
        **reference,
        "reference/asyncapi.json": text_of(asyncapi()),
        "reliability.md": NOTE + reliability.page(),
        "schema/workflow.schema.json": schema_text(workflow_schema()),
        "schema/resources.schema.json": schema_text(resources_schema()),
    }
