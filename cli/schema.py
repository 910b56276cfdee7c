"""`sluicegate schema`: the JSON Schema of definition files, for editors."""

import json

from cli.errors import OK
from cli.printing import write_exactly


def print_schema(resources: bool) -> int:
    """Print the schema of workflows, or of `resources.yaml`; returns the exit code."""
    write_exactly(schema_text(resources=resources))
    return OK


def schema_text(*, resources: bool) -> str:
    """Return a schema as it stands in a file."""
    from actions.plugins import plugged_in
    from engine.language.schema import resources_schema, workflow_schema

    schema = resources_schema() if resources else workflow_schema(plugged_in())
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
