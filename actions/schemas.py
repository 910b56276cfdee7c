"""JSON Schemas of payloads and form fields: each mistake with its place, before a worker reads."""

from collections.abc import Iterable, Mapping
from typing import Any

import jsonschema_rs
import orjson

from engine.hints import nearest
from engine.loading.branches import steps_below
from engine.loading.node import Node
from engine.loading.schema import check_patterns, refuse_impossible

REMOTE = "remote references are not followed"
TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
SCHEMA = jsonschema_rs.Draft202012Validator(
    {"$ref": "https://json-schema.org/draft/2020-12/schema"}
)
"""What a JSON Schema itself must fit."""


def check_schemas(root: Node) -> None:
    """Check the schemas of a definition: of its input and of the fields of its forms."""
    data = root.value if isinstance(root.value, Mapping) else {}
    if isinstance(data.get("input"), Mapping):
        _check_schema(root.child("input", data["input"]))
    for step in steps_below(root):
        for approval in _approvals_of(step):
            _check_form(approval)


def _approvals_of(step: Node) -> Iterable[Node]:
    """Yield the approval of a step, or of its block."""
    verbs = dict(step.entries()) if isinstance(step.value, Mapping) else {}
    if "approval" in verbs:
        yield verbs["approval"]
    block = verbs.get("block")
    if block is not None and isinstance(block.value, Mapping) and "approval" in block.value:
        yield block.child("approval", block.value["approval"])


def _check_form(approval: Node) -> None:
    form = approval.value.get("form") if isinstance(approval.value, Mapping) else None
    for _, field in approval.child("form", form).entries() if isinstance(form, Mapping) else ():
        if isinstance(field.value, Mapping):
            validator = _check_schema(field)
            if validator is not None and "default" in field.value:
                _check_default(field.child("default", field.value["default"]), validator)


def _check_default(node: Node, validator: jsonschema_rs.Draft202012Validator) -> None:
    problem = next(iter(validator.iter_errors(node.value)), None)
    if problem is not None:
        node.mistake(f"the default does not fit the field: {problem.message}; write one that does")


def _check_schema(node: Node) -> jsonschema_rs.Draft202012Validator | None:
    """Judge a schema by that of schemas, then compile it as the worker will; nothing is fetched.

    Return what to judge values by, None where the schema has mistakes.
    """
    found = list(SCHEMA.iter_errors(node.value))
    for problem in found:
        reason = _unknown_type(problem) or problem.message
        node.mistake(f"this is no JSON Schema: {reason}", *_below(node, problem))
    possible, linear = refuse_impossible(node), check_patterns(node)
    validator = _compile(node) if linear and not found else None
    return validator if possible else None


def _unknown_type(problem: jsonschema_rs.ValidationError) -> str | None:
    """Return what is wrong with the `type` of a schema, where that is what is wrong."""
    if [*problem.instance_path][-1:] != ["type"] or not isinstance(problem.instance, str):
        return None
    hint = nearest(problem.instance, TYPES)
    return f"{problem.instance!r} is no type{hint} (there are: {', '.join(TYPES)})"


def _refuse_remote(uri: str) -> Any:
    raise ValueError(f"{REMOTE}: {uri}")


def _compile(node: Node) -> jsonschema_rs.Draft202012Validator | None:
    try:
        return jsonschema_rs.Draft202012Validator(
            orjson.dumps(node.value).decode(),
            retriever=_refuse_remote,
            validate_formats=True,
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as problem:
        # The loader has noted each reference that leads out, with its own place.
        if REMOTE not in str(problem):
            reason = getattr(problem, "message", None) or str(problem).splitlines()[0]
            node.mistake(f"this is no JSON Schema: {reason}", *_below(node, problem))
        return None


def _below(node: Node, problem: Exception) -> Iterable[str | int]:
    """Return where in the schema the mistake stands, as far as the schema has such a place."""
    value = node.value
    for part in getattr(problem, "instance_path", ()):
        inside = isinstance(value, Mapping | list)
        if not inside or (isinstance(value, Mapping) and part not in value):
            return
        yield part
        value = value[part]  # type: ignore[index]
