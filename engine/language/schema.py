"""The JSON Schema of definition files, for editors (`sluicegate schema`)."""

from collections.abc import Collection

from engine.language import actions, approval, conditions, context, file, steps, trigger, values
from engine.language import resources as sources
from engine.language import wait as waits
from engine.language.nouns import DIALECT, Noun, Schema
from engine.language.values import ref

NOUNS: tuple[Noun, ...] = (
    file.FILE,
    *trigger.NOUNS,
    *context.NOUNS,
    *conditions.NOUNS,
    *steps.NOUNS,
    *waits.NOUNS,
    *approval.NOUNS,
    *actions.NOUNS,
)


def workflow_schema(plugged_in: Collection[str] = ()) -> dict[str, object]:
    """Return the schema of a workflow; `plugged_in` names the actions of installed packages."""
    shared: dict[str, Schema | object] = {
        **values.DEFINITIONS,
        **conditions.DEFINITIONS,
        **steps.DEFINITIONS,
        **waits.DEFINITIONS,
        **approval.DEFINITIONS,
        "action": actions.action_schema(plugged_in),
    }
    top = file.FILE.schema()
    nouns = {noun.name: noun.schema() for noun in NOUNS if noun is not file.FILE}
    return {"$schema": DIALECT, **top, "$defs": {**shared, **nouns}}


def resources_schema() -> dict[str, object]:
    """Return the schema of `resources.yaml`."""
    return {
        "$schema": DIALECT,
        "title": "Sluicegate resources",
        "description": "Where the resources of a deployment come from, by name.",
        "type": "object",
        "propertyNames": {"pattern": values.RESOURCE_NAME},
        "additionalProperties": {
            "title": "Resource",
            "description": "One source of values.",
            "type": "object",
            "anyOf": [ref(kind.name) for kind in sources.KINDS],
        },
        "$defs": {**values.DEFINITIONS, **{kind.name: kind.schema() for kind in sources.KINDS}},
    }
