"""Every generated file of docs/, by name."""

import json
from pathlib import Path

from docs.generate import codes, language, operators, reliability, settings, statuses, topics
from engine.language.schema import resources_schema, workflow_schema

DOCS = Path(__file__).parent.parent
NOTE = "<!-- Made from code by `make docs`; do not edit. -->\n\n"


def schema_text(schema: dict[str, object]) -> str:
    """Return a schema as it stands in a file, and as `sluicegate schema` prints it."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def pages() -> dict[str, str]:
    """Return the text of each file."""
    written = {
        "language": language.page(),
        "operators": operators.page(),
        "statuses": statuses.page(),
        "codes": codes.page(),
        "topics": topics.page(),
        "settings": settings.page(),
    }
    reference = {f"reference/{name}.md": NOTE + text for name, text in written.items()}
    return {
        **reference,
        "reliability.md": NOTE + reliability.page(),
        "schema/workflow.schema.json": schema_text(workflow_schema()),
        "schema/resources.schema.json": schema_text(resources_schema()),
    }
